//! The ports of AWS services on a line that can be cut.

#[cfg(feature = "comprehend")]
mod comprehend {
    use eventide_kit::error::Error;
    use eventide_kit::tap::Tapped;
    use eventide_types::campaign::verdict::Scores;

    use crate::comprehend::{Classifier, EndpointState, Job, JobStatus};

    impl<T: Classifier> Classifier for Tapped<T> {
        async fn classify(&self, endpoint: &str, text: &str) -> Result<Scores, Error> {
            self.line.call(self.fake.classify(endpoint, text)).await
        }

        async fn start(&self, job: &Job) -> Result<String, Error> {
            self.line.call(self.fake.start(job)).await
        }

        async fn describe(&self, job: &str) -> Result<Option<JobStatus>, Error> {
            self.line.call(self.fake.describe(job)).await
        }

        async fn inference_units(&self, endpoint: &str) -> Result<Option<EndpointState>, Error> {
            self.line.call(self.fake.inference_units(endpoint)).await
        }
    }
}

#[cfg(feature = "connect")]
mod connect {
    use eventide_kit::error::Error;
    use eventide_kit::tap::Tapped;

    use crate::connect::{Chat, Connect, NewCall, NewChat, Standing};

    impl<T: Connect> Connect for Tapped<T> {
        async fn start_chat(&self, chat: &NewChat) -> Result<Chat, Error> {
            self.line.named("start_chat", self.fake.start_chat(chat)).await
        }

        async fn start_call(&self, call: &NewCall) -> Result<String, Error> {
            self.line.named("start_call", self.fake.start_call(call)).await
        }

        async fn standing(&self, contact_id: &str) -> Result<Standing, Error> {
            self.line.named("standing", self.fake.standing(contact_id)).await
        }

        async fn stop(&self, contact_id: &str) -> Result<(), Error> {
            self.line.named("stop", self.fake.stop(contact_id)).await
        }
    }
}

#[cfg(feature = "email")]
mod email {
    use eventide_kit::error::Error;
    use eventide_kit::tap::Tapped;

    use crate::email::{Email, Mail, Quota, Sent};

    impl<T: Email> Email for Tapped<T> {
        async fn quota(&self) -> Result<Quota, Error> {
            self.line.call(self.fake.quota()).await
        }

        async fn send(&self, mail: &Mail) -> Result<Sent, Error> {
            self.line.call(self.fake.send(mail)).await
        }
    }
}

#[cfg(feature = "event-bus")]
mod event_bus {
    use eventide_kit::error::Error;
    use eventide_kit::tap::Tapped;

    use crate::event_bus::{Event, EventBus};

    impl<T: EventBus> EventBus for Tapped<T> {
        async fn send(&self, event: &Event) -> Result<(), Error> {
            self.line.call(self.fake.send(event)).await
        }
    }
}

#[cfg(feature = "links")]
mod links {
    use eventide_kit::error::Error;
    use eventide_kit::tap::Tapped;
    use eventide_types::{Link, LinkHash};
    use time::OffsetDateTime;

    use crate::links::{Call, Claim, Claimed, Limit, Limits, Links, Opened, Redeemed};

    impl<T: Limits> Limits for Tapped<T> {
        async fn take(&self, limit: &Limit, taker: Option<&str>, now: OffsetDateTime) -> Result<bool, Error> {
            self.line.named("take", self.fake.take(limit, taker, now)).await
        }
    }

    impl<T: Links> Links for Tapped<T> {
        async fn open(&self, fresh: &Link, nonce: &str) -> Result<Opened, Error> {
            self.line.named("open", self.fake.open(fresh, nonce)).await
        }

        async fn extend(&self, link: &Link) -> Result<bool, Error> {
            self.line.named("extend", self.fake.extend(link)).await
        }

        async fn claim(&self, hash: &LinkHash, claim: &Claim) -> Result<Claimed, Error> {
            self.line.named("claim", self.fake.claim(hash, claim)).await
        }

        async fn release(&self, hash: &LinkHash, claimant: &str) -> Result<(), Error> {
            self.line.named("release", self.fake.release(hash, claimant)).await
        }

        async fn complete(&self, link: &Link, claimant: &str, redeemed: &Redeemed) -> Result<(), Error> {
            self.line.named("complete", self.fake.complete(link, claimant, redeemed)).await
        }

        async fn revoke(&self, contact_id: &str) -> Result<bool, Error> {
            self.line.named("revoke", self.fake.revoke(contact_id)).await
        }

        async fn voice_of(&self, chat_contact_id: &str) -> Result<Option<String>, Error> {
            self.line.named("voice_of", self.fake.voice_of(chat_contact_id)).await
        }

        async fn claim_call(&self, hash: &LinkHash, now: OffsetDateTime) -> Result<Call, Error> {
            self.line.named("claim_call", self.fake.claim_call(hash, now)).await
        }

        async fn called(&self, hash: &LinkHash) -> Result<(), Error> {
            self.line.named("called", self.fake.called(hash)).await
        }
    }
}

#[cfg(feature = "s3")]
mod s3 {
    use std::time::Duration;

    use bytes::Bytes;
    use eventide_kit::error::Error;
    use eventide_kit::tap::Tapped;

    use crate::s3::{Bucket, Object, Opened, Part, Upload};

    impl<T: Bucket> Bucket for Tapped<T> {
        fn name(&self) -> &str {
            self.fake.name()
        }

        async fn get(&self, key: &str, version: Option<&str>, most: u64) -> Result<Option<Object>, Error> {
            self.line.call(self.fake.get(key, version, most)).await
        }

        async fn open(&self, key: &str, version: Option<&str>) -> Result<Option<Opened>, Error> {
            self.line.call(self.fake.open(key, version)).await
        }

        async fn list(&self, prefix: &str, after: Option<&str>, most: usize) -> Result<Vec<String>, Error> {
            self.line.call(self.fake.list(prefix, after, most)).await
        }

        async fn put(&self, key: &str, content_type: &str, body: Bytes) -> Result<(), Error> {
            self.line.call(self.fake.put(key, content_type, body)).await
        }

        async fn begin(&self, key: &str, content_type: &str) -> Result<Upload, Error> {
            self.line.call(self.fake.begin(key, content_type)).await
        }

        async fn part(&self, upload: &Upload, number: i32, body: Bytes) -> Result<Part, Error> {
            self.line.call(self.fake.part(upload, number, body)).await
        }

        async fn complete(&self, upload: &Upload, parts: &[Part]) -> Result<(), Error> {
            self.line.call(self.fake.complete(upload, parts)).await
        }

        async fn abort(&self, upload: &Upload) -> Result<(), Error> {
            self.line.call(self.fake.abort(upload)).await
        }

        async fn size(&self, key: &str) -> Result<Option<u64>, Error> {
            self.line.call(self.fake.size(key)).await
        }

        async fn presigned(&self, key: &str, valid_for: Duration) -> Result<String, Error> {
            self.line.call(self.fake.presigned(key, valid_for)).await
        }
    }
}

#[cfg(feature = "secrets")]
mod secrets {
    use eventide_kit::error::Error;
    use eventide_kit::tap::Tapped;

    use crate::secrets::{Secret, Secrets};

    impl<T: Secrets> Secrets for Tapped<T> {
        async fn get(&self, id: &str) -> Result<Secret, Error> {
            self.line.named("secret", self.fake.get(id)).await
        }
    }
}

#[cfg(feature = "sms")]
mod sms {
    use eventide_kit::error::Error;
    use eventide_kit::tap::Tapped;

    use crate::sms::{Sent, Sms, TextMessage};

    impl<T: Sms> Sms for Tapped<T> {
        async fn send(&self, message: &TextMessage) -> Result<Sent, Error> {
            self.line.call(self.fake.send(message)).await
        }
    }
}

#[cfg(feature = "sqs")]
mod sqs {
    use eventide_kit::error::Error;
    use eventide_kit::tap::Tapped;

    use crate::sqs::{Outgoing, Queue};

    impl<T: Queue> Queue for Tapped<T> {
        async fn send(&self, messages: Vec<Outgoing>) -> Result<Vec<Result<String, Error>>, Error> {
            self.line.call(self.fake.send(messages)).await
        }
    }
}
