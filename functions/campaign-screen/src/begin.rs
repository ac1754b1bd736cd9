//! Whether an object begins a campaign, and the record that it begins with.

use std::cmp::Ordering;

use eventide_clients::campaigns::{Campaigns as _, tell_failed};
use eventide_clients::s3::Bucket as _;
use eventide_kit::Error;
use eventide_kit::event::parse;
use eventide_types::campaign::keys::{self, Uploaded};
use eventide_types::campaign::record::{Campaign, Counts, State};
use eventide_types::campaign::settings::{Settings, Start};
use eventide_types::printable;
use eventide_types::s3::{Created, compare_sequencers};
use sha2::{Digest as _, Sha256};

use crate::screen::{CampaignScreen, Ports};

/// The longest that an invocation can take (AWS Lambda Developer Guide, "Lambda quotas").
const LONGEST: time::Duration = time::Duration::minutes(15);
/// After which a campaign that is still being read has failed. A message is received 5 times, an hour and a half apart.
const UNREAD: time::Duration = time::Duration::hours(10);
/// The longest sidecar.
const MAX_SIDECAR: u64 = 256 * 1024;
const FORMS: &str = "expected `campaigns/<id>.csv` or `.jsonl`, with or without `.gz`, and an id of 1 to 64 of `A-Z`, \
                     `a-z`, `0-9`, `_` and `-`";

/// A campaign whose file is to be read.
pub(crate) struct Begun {
    pub(crate) campaign: Campaign,
    /// What is wrong with its sidecar, if anything is.
    pub(crate) sidecar: Result<(), String>,
}

impl<P: Ports> CampaignScreen<P> {
    /// `None`: there is nothing to do.
    pub(crate) async fn begin(&self, object: &Created, holder: &str) -> Result<Option<Begun>, Error> {
        let (id, form, gzip) = match keys::uploaded(&object.key) {
            Some(Uploaded::Campaign { id, form, gzip }) => (id, form, gzip),
            // Read with the file that comes after it.
            Some(Uploaded::Settings { .. } | Uploaded::Decisions { .. }) => return Ok(None),
            None => {
                let message = format!("`{}` is no campaign, {FORMS}", printable(&object.key, 256));
                return Err(Error::permanent("InvalidKey", message));
            }
        };
        let upload = upload(object);
        let known = self.ports.store().campaign(&id).await?;
        let settings = self.sidecar(&id).await?;
        if let Some(known) = &known {
            if known.upload == upload {
                return self.again(known.clone(), holder, settings.map(drop)).await;
            }
            if known.key != object.key {
                let reason =
                    format!("the id is that of `{}`, expected the same key or another id", known.key);
                let error = Error::permanent("IdInUse", reason);
                tell_failed(self.ports.event_bus(), &id, &upload, &error).await?;
                return Ok(None);
            }
            let is_newer = compare_sequencers(&object.sequencer, &known.sequencer) == Ordering::Greater;
            let is_same = known.etag == object.etag
                && known.state != State::Failed
                && settings.as_ref().is_ok_and(|settings| same(settings, &known.settings));
            if !is_newer || is_same {
                tracing::info!(campaign = id, upload, is_newer, "upload changes nothing");
                return Ok(None);
            }
            if known.state == State::Cancelled {
                let error = Error::permanent("Cancelled", "the campaign was cancelled, expected another id");
                tell_failed(self.ports.event_bus(), &id, &upload, &error).await?;
                return Ok(None);
            }
        }
        let (settings, sidecar) = match settings {
            Ok(settings) => (settings, Ok(())),
            Err(reason) => (Settings::default(), Err(reason)),
        };
        let now = self.clock.now();
        let mut campaign = Campaign {
            id,
            upload,
            key: object.key.clone(),
            version_id: object.version_id.clone(),
            etag: object.etag.clone(),
            sequencer: object.sequencer.clone(),
            bytes: object.size,
            form,
            gzip,
            state: State::Screening,
            // What a person paused is not set going by another upload.
            paused: settings.start == Start::Paused || known.as_ref().is_some_and(|known| known.paused),
            decided: known.as_ref().and_then(|known| known.decided.clone()),
            settings,
            classifier: self.settings.classifier.clone(),
            holder: holder.to_owned(),
            job_id: None,
            counts: Counts::default(),
            reason: None,
            uploaded_at: now,
            screened_at: None,
            sent_at: None,
            updated_at: now,
            // By then its message is among the dead letters.
            due_at: Some(now + UNREAD),
            revision: known.map_or(0, |known| known.revision),
        };
        if !self.ports.store().put(&mut campaign).await? {
            let message = format!("the record of campaign `{}` was written by another", campaign.id);
            return Err(Error::retryable("CampaignBusy", message));
        }
        Ok(Some(Begun { campaign, sidecar }))
    }

    /// A repeat: reads the file if the one before died over it. Two at a time would write over each other's documents, of
    /// which answers are told by their line.
    async fn again(
        &self,
        mut known: Campaign,
        holder: &str,
        sidecar: Result<(), String>,
    ) -> Result<Option<Begun>, Error> {
        let now = self.clock.now();
        let is_alive = known.holder != holder && now - known.updated_at < LONGEST;
        if known.state != State::Screening || is_alive {
            return Ok(None);
        }
        (known.holder, known.updated_at) = (holder.to_owned(), now);
        if !self.ports.store().put(&mut known).await? {
            // Another took it over.
            return Ok(None);
        }
        Ok(Some(Begun { campaign: known, sidecar }))
    }

    /// The settings of the sidecar, or what is wrong with them.
    async fn sidecar(&self, id: &str) -> Result<Result<Settings, String>, Error> {
        let key = keys::settings(id);
        match self.ports.campaigns().get(&key, None, MAX_SIDECAR).await {
            Ok(None) => Ok(Ok(Settings::default())),
            // A list would be read as the settings' values in their order.
            Ok(Some(object)) if !object.body.trim_ascii_start().starts_with(b"{") => {
                Ok(Err(format!("`{key}`: expected an object")))
            }
            Ok(Some(object)) => Ok(parse(&object.body).map_err(|error| format!("`{key}`: {error}"))),
            Err(error) if error.error_type() == "ObjectTooLarge" => Ok(Err(format!("`{key}`: {error}"))),
            Err(error) => Err(error),
        }
    }
}

/// Whether a sidecar says nothing new. The record's settings have the file's own header merged in, so a file with a header
/// is read again, which does no harm.
fn same(sidecar: &Settings, known: &Settings) -> bool {
    sidecar == known
}

fn upload(object: &Created) -> String {
    let mut digest = Sha256::new();
    match &object.version_id {
        Some(version) => digest.update(format!("version {version}")),
        None => digest.update(format!("object {} {}", object.etag, object.sequencer)),
    }
    let mut upload = hex::encode(digest.finalize());
    upload.truncate(16);
    upload
}
