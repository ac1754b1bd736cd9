//! How a job goes, from `SUBMITTED` to its end.

use std::sync::Arc;

use bytes::Bytes;

use super::clock::{later, until};
use super::input::s3_location;
use super::job::{Status, Work};
use super::predictions::Predictions;
use super::training::Trained;
use super::{Comprehend, archive, unreadable, unwritable};

/// What a job writes below its output location to see whether it may.
const CHECK_FILE: &str = ".write_access_check_file.temp";

impl Comprehend {
    pub(super) async fn run_job(&self, id: &str, work: Work, trained: Arc<Trained>) {
        let (clock, settings) = (&self.shared.clock, self.settings());
        let fate = &work.fate;
        let began = later(work.submitted, settings.job_submitted_seconds);
        until(clock, began).await;
        self.with_job(id, |job| job.status = Status::InProgress);
        until(clock, later(began, fate.seconds.unwrap_or(settings.job_seconds))).await;
        if fate.stop {
            self.stop_job(id);
            // The request to stop ends it, as any other does.
            return std::future::pending().await;
        }
        let outcome = match &fate.error {
            Some(error) => Err(error.clone()),
            None => self.carry_out(id, &work, trained).await,
        };
        match outcome {
            Ok(()) => {
                until(clock, later(clock.now(), fate.completed_seconds_later)).await;
                self.end_job(id, Status::Completed, None);
            }
            Err(message) => self.end_job(id, Status::Failed, Some(message)),
        }
    }

    fn with_job(&self, id: &str, change: impl FnOnce(&mut super::job::Job)) {
        if let Some(job) = self.state().job(id).filter(|job| !job.status.has_ended()) {
            change(job);
        }
    }

    async fn carry_out(&self, id: &str, work: &Work, trained: Arc<Trained>) -> Result<(), String> {
        let (lake, settings) = (self.shared.lake.as_ref(), self.settings());
        let location = |uri: &str| {
            let found = s3_location(uri).map(|(bucket, key)| (bucket.to_owned(), key.to_owned()));
            found.ok_or_else(|| format!("`{uri}` is no S3 URI"))
        };
        if settings.write_access_check {
            let (bucket, prefix) = location(&work.prefix)?;
            let folder = prefix.trim_end_matches('/');
            let slash = if folder.is_empty() { "" } else { "/" };
            let key = format!("{folder}{slash}{CHECK_FILE}");
            lake.put(&bucket, &key, Bytes::new()).await.map_err(|error| unwritable(&error))?;
        }
        let mut predictions = Predictions::new(trained, work.format, work.fate.clone(), &settings);
        let (bucket, prefix) = location(&work.input)?;
        for (key, file) in self.files(&bucket, &prefix, settings.max_job_bytes).await? {
            let content = lake.get(&bucket, &key).await.map_err(|error| unreadable(&error))?;
            let classified = tokio::task::spawn_blocking(move || {
                let outcome = predictions.add(&file, &content);
                (predictions, outcome)
            });
            let (back, outcome) = classified.await.map_err(|error| error.to_string())?;
            outcome?;
            predictions = back;
        }
        let counts = (predictions.documents, predictions.failed);
        self.with_job(id, |job| job.counts = counts);
        let packed = tokio::task::spawn_blocking(move || {
            archive::archive(&settings.output_member, predictions.finish().as_bytes())
        });
        let packed = packed.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let (bucket, key) = location(&work.output)?;
        for _ in 0..work.fate.outputs {
            let written = lake.put(&bucket, &key, packed.clone()).await;
            written.map_err(|error| unwritable(&error))?;
            self.with_job(id, |job| job.written += 1);
        }
        Ok(())
    }

    /// The keys below a prefix, each with what the output calls the file: the last part of its key, as AWS's
    /// samples have it.
    async fn files(&self, bucket: &str, prefix: &str, most: u64) -> Result<Vec<(String, String)>, String> {
        let listed = self.shared.lake.list(bucket, prefix).await.map_err(|error| unreadable(&error))?;
        let files: Vec<_> = listed.into_iter().filter(|(key, _)| !key.ends_with('/')).collect();
        if files.is_empty() {
            return Err(unreadable("no file there"));
        }
        if files.iter().map(|(_, size)| size).sum::<u64>() > most {
            return Err(format!("The input is larger than {most} bytes."));
        }
        let named = files.into_iter().map(|(key, _)| {
            let name = key.rsplit('/').next().unwrap_or(&key).to_owned();
            (key, name)
        });
        Ok(named.collect())
    }
}
