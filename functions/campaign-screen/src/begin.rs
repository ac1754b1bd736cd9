//! Whether an object begins a campaign, and the record that it begins with.

use std::cmp::Ordering;

use eventide_clients::campaigns::Campaigns as _;
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
    pub(crate) async fn begin(&self, object: &Created) -> Result<Option<Begun>, Error> {
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
                // A repeat: goes on where the one before it died, if it did.
                let unread = known.state == State::Screening;
                return Ok(unread.then(|| Begun { campaign: known.clone(), sidecar: settings.map(drop) }));
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
                let reason = "the campaign was cancelled, expected another id";
                self.tell_failed(&id, &upload, "Cancelled", reason).await?;
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
            job_id: None,
            counts: Counts::default(),
            reason: None,
            uploaded_at: now,
            screened_at: None,
            sent_at: None,
            updated_at: now,
            due_at: None,
            revision: known.map_or(0, |known| known.revision),
        };
        if !self.ports.store().put(&mut campaign).await? {
            let message = format!("the record of campaign `{}` was written by another", campaign.id);
            return Err(Error::retryable("CampaignBusy", message));
        }
        Ok(Some(Begun { campaign, sidecar }))
    }

    /// The settings of the sidecar, or what is wrong with them.
    async fn sidecar(&self, id: &str) -> Result<Result<Settings, String>, Error> {
        let key = keys::settings(id);
        match self.ports.campaigns().get(&key, None, MAX_SIDECAR).await {
            Ok(None) => Ok(Ok(Settings::default())),
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
