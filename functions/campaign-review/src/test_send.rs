//! Test messages: what was approved, to people who asked for it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use eventide_campaigns::entry;
use eventide_clients::campaigns::Shards as _;
use eventide_clients::s3::{Bucket as _, Lines};
use eventide_clients::secrets::Secrets as _;
use eventide_clients::sqs::{Outgoing as Message, Queue as _};
use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::campaign::keys::Work;
use eventide_types::campaign::outgoing::Outgoing;
use eventide_types::campaign::record::{Shard, State};
use eventide_types::campaign::{Campaign, Channel, ContentId, message};

use crate::decide::name_of;
use crate::event::Given;
use crate::review::{CampaignReview, Ports};

/// Contents that a test shows, of each channel.
const CONTENTS: usize = 10;
/// Shards that are looked through for them.
const LOOKED_THROUGH: usize = 20;
const MARK: &str = "[TEST] ";

impl<P: Ports> CampaignReview<P> {
    pub(crate) async fn test_send(
        &self,
        campaign: &Campaign,
        given: &Given,
        to: &[String],
    ) -> Result<(bool, u64), Error> {
        if !matches!(campaign.state, State::Sending | State::Sent) {
            let message =
                format!("campaign `{}` is {}, expected a screened one", campaign.id, campaign.state.as_str());
            return Err(Error::permanent("NotScreened", message));
        }
        let allowed = &campaign.settings.test_recipients;
        let recipients = if to.is_empty() { allowed.as_slice() } else { to };
        if recipients.is_empty() {
            let message = "the campaign's settings name no `testRecipients`";
            return Err(Error::permanent("NoTestRecipients", message));
        }
        if let Some(place) = recipients.iter().position(|recipient| !allowed.contains(recipient)) {
            let message = format!("`to[{place}]` is none of the campaign's `testRecipients`");
            return Err(Error::permanent("UnknownTestRecipient", message));
        }
        let samples = self.samples(campaign).await?;
        let secret = self.ports.secrets().get(&self.settings.secret).await?;
        let name = format!("test-{}", name_of(&given.source));
        let work = Work { campaign: &campaign.id, upload: &campaign.upload };
        let mut sent = 0;
        for (number, channel) in (0..).zip([Channel::Email, Channel::Sms]) {
            let recipients = recipients.iter().filter(|recipient| of(recipient) == channel);
            let mut lines = Vec::new();
            let mut messages = 0;
            for recipient in recipients {
                for sample in samples.values().filter(|sample| sample.channel == channel) {
                    let content = sample.content.to_string();
                    let entry =
                        entry(secret.expose().as_bytes(), &["test", &given.source, &content, recipient]);
                    let test = marked(sample, entry, recipient);
                    serde_json::to_writer(&mut lines, &test).map_err(|error| {
                        Error::permanent("Unwritable", "the message cannot be written").with_source(error)
                    })?;
                    lines.push(b'\n');
                    messages += 1;
                }
            }
            if messages == 0 {
                continue;
            }
            sent += u64::from(messages);
            let key = work.shard(&name, number);
            self.ports.work().put(&key, "application/x-ndjson", Bytes::from(lines)).await?;
            let shard = Shard {
                key: key.clone(),
                campaign: campaign.id.clone(),
                upload: campaign.upload.clone(),
                channel,
                zone: None,
                messages,
                test: true,
                next: 0,
                left: 0,
                closed: false,
                due_at: self.clock.now(),
                revision: 0,
            };
            self.ports.store().create(&[shard]).await?;
            let next = Message::json(&message::Send { shard: key }, 0)?;
            self.ports.send_queue().send_all(vec![next]).await?;
        }
        Ok((sent > 0, sent))
    }

    /// The first approved message of some contents.
    async fn samples(&self, campaign: &Campaign) -> Result<BTreeMap<ContentId, Outgoing>, Error> {
        let mut samples: BTreeMap<ContentId, Outgoing> = BTreeMap::new();
        let mut seen: BTreeMap<Channel, BTreeSet<ContentId>> = BTreeMap::new();
        let keys = self.shards(campaign).await?;
        for key in keys.iter().filter(|key| !key.contains("/shards/test-")).take(LOOKED_THROUGH) {
            let Some(opened) = self.ports.work().open(key, None).await? else { continue };
            let mut lines = Lines::new(opened.body);
            while let Some(line) = lines.next().await? {
                let message: Outgoing = parse(&line)?;
                let seen = seen.entry(message.channel).or_default();
                if seen.len() < CONTENTS && seen.insert(message.content) {
                    samples.insert(message.content, message);
                }
            }
        }
        Ok(samples)
    }
}

fn of(recipient: &str) -> Channel {
    if recipient.contains('@') { Channel::Email } else { Channel::Sms }
}

fn marked(sample: &Outgoing, entry: String, to: &str) -> Outgoing {
    let mark = |text: &String| format!("{MARK}{text}");
    let is_sms = sample.channel == Channel::Sms;
    Outgoing {
        entry,
        to: to.to_owned(),
        subject: sample.subject.as_ref().map(mark),
        text: if is_sms { sample.text.as_ref().map(mark) } else { sample.text.clone() },
        ..sample.clone()
    }
}
