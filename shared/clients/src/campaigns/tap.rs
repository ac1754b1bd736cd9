//! The ports on a line that can be cut.

use eventide_kit::error::Error;
use eventide_kit::tap::Tapped;
use eventide_types::campaign::command::Decision;
use eventide_types::campaign::provider::{News, Origin};
use eventide_types::campaign::record::Shard;
use eventide_types::campaign::verdict::Scored;
use eventide_types::campaign::{Campaign, ContentId};
use time::OffsetDateTime;

use super::{Campaigns, Decisions, Known, Origins, Outcomes, Pace, Progress, Reports, Room, Scores, Shards};

impl<T: Campaigns> Campaigns for Tapped<T> {
    async fn campaign(&self, id: &str) -> Result<Option<Campaign>, Error> {
        self.line.call(self.fake.campaign(id)).await
    }

    async fn put(&self, campaign: &mut Campaign) -> Result<bool, Error> {
        self.line.call(self.fake.put(campaign)).await
    }

    async fn due(&self, by: OffsetDateTime, most: usize) -> Result<Vec<String>, Error> {
        self.line.call(self.fake.due(by, most)).await
    }
}

impl<T: Scores> Scores for Tapped<T> {
    async fn scores(&self, classifier: &str, contents: &[ContentId]) -> Result<Vec<Option<Scored>>, Error> {
        self.line.call(self.fake.scores(classifier, contents)).await
    }

    async fn keep(&self, classifier: &str, scored: &[Scored], now: OffsetDateTime) -> Result<(), Error> {
        self.line.call(self.fake.keep(classifier, scored, now)).await
    }
}

impl<T: Decisions> Decisions for Tapped<T> {
    async fn decide(&self, decision: &Decision) -> Result<Decision, Error> {
        self.line.call(self.fake.decide(decision)).await
    }

    async fn decisions(
        &self,
        campaign: &str,
        contents: &[ContentId],
    ) -> Result<Vec<Option<Decision>>, Error> {
        self.line.call(self.fake.decisions(campaign, contents)).await
    }
}

impl<T: Shards> Shards for Tapped<T> {
    async fn create(&self, shards: &[Shard]) -> Result<(), Error> {
        self.line.call(self.fake.create(shards)).await
    }

    async fn announce(&self, campaign: &str, upload: &str, of: &str, shards: u64) -> Result<Progress, Error> {
        self.line.call(self.fake.announce(campaign, upload, of, shards)).await
    }

    async fn shard(&self, key: &str) -> Result<Option<Shard>, Error> {
        self.line.call(self.fake.shard(key)).await
    }

    async fn move_on(&self, shard: &mut Shard) -> Result<bool, Error> {
        self.line.call(self.fake.move_on(shard)).await
    }

    async fn close(&self, shard: &Shard) -> Result<Progress, Error> {
        self.line.call(self.fake.close(shard)).await
    }

    async fn progress(&self, campaign: &str, upload: &str) -> Result<Progress, Error> {
        self.line.call(self.fake.progress(campaign, upload)).await
    }

    async fn due_shards(&self, by: OffsetDateTime, most: usize) -> Result<Vec<String>, Error> {
        self.line.call(self.fake.due_shards(by, most)).await
    }
}

impl<T: Origins> Origins for Tapped<T> {
    async fn remember(&self, message_id: &str, origin: &Origin, now: OffsetDateTime) -> Result<(), Error> {
        self.line.call(self.fake.remember(message_id, origin, now)).await
    }

    async fn origin(&self, message_id: &str) -> Result<Option<Origin>, Error> {
        self.line.call(self.fake.origin(message_id)).await
    }
}

impl<T: Outcomes> Outcomes for Tapped<T> {
    async fn record(&self, news: &News) -> Result<bool, Error> {
        self.line.call(self.fake.record(news)).await
    }

    async fn known(&self, entries: &[String]) -> Result<Vec<Known>, Error> {
        self.line.call(self.fake.known(entries)).await
    }
}

impl<T: Pace> Pace for Tapped<T> {
    async fn take(&self, name: &str, per_second: f64, want: u32, now: OffsetDateTime) -> Result<Room, Error> {
        self.line.call(self.fake.take(name, per_second, want, now)).await
    }
}

impl<T: Reports> Reports for Tapped<T> {
    async fn request(&self, campaign: &str, at: OffsetDateTime) -> Result<(), Error> {
        self.line.call(self.fake.request(campaign, at)).await
    }

    async fn due_reports(
        &self,
        by: OffsetDateTime,
        most: usize,
    ) -> Result<Vec<(String, OffsetDateTime)>, Error> {
        self.line.call(self.fake.due_reports(by, most)).await
    }

    async fn written(&self, campaign: &str, due_at: OffsetDateTime) -> Result<(), Error> {
        self.line.call(self.fake.written(campaign, due_at)).await
    }
}
