//! Control, which AWS does not have: `/_local/comprehend/…`.
//!
//! | request | does |
//! |---|---|
//! | `POST starter` `{"name"?, "version"?, "dataset"?, "test"?, "multiLabel"?, "endpoint"?: {"name"?, "units"?}}` | a trained classifier, and an endpoint, at once; both outlive a reset |
//! | `POST classify` `{"text", "classifierArn"?}` | what a classifier says, past endpoints and their rates |
//! | `GET classifiers`, `GET endpoints` | all of all accounts |
//! | `GET jobs`, `DELETE jobs` | all jobs, with who started them, their tokens and counts; forgets them |
//! | `POST jobs/ID/stop` | what the console's "Stop" does |
//! | `GET settings`, `POST settings` | see [`Settings`](super::settings::Settings); what a request leaves out stays |
//! | `GET plans`, `POST plans`, `DELETE plans` | see [`Plan`]: how chosen jobs go |

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Comprehend;
use super::classifier::Classifier;
use super::endpoint::Endpoint;
use super::job::Job;
use super::plan::Plan;
use crate::service::Reply;

/// What a control request comes to, or what is wrong with it.
type Answer = Result<Value, String>;

/// An absent body is an empty object.
fn read<T: DeserializeOwned>(body: Value) -> Result<T, String> {
    let body = if body.is_null() { json!({}) } else { body };
    serde_json::from_value(body).map_err(|error| error.to_string())
}

impl Comprehend {
    pub(super) async fn control_request(&self, method: Method, path: &str, body: Value) -> Reply {
        let outcome: Answer = match (method.as_str(), path) {
            ("POST", "starter") => match read(body) {
                Ok(starter) => self.start_with(starter).await,
                Err(error) => Err(error),
            },
            ("POST", "classify") => read(body).and_then(|question| self.ask(&question)),
            ("GET", "classifiers") => Ok(self.all_classifiers()),
            ("GET", "endpoints") => Ok(self.all_endpoints()),
            ("GET", "jobs") => {
                let state = self.state();
                Ok(json!({ "jobs": state.jobs.iter().map(Job::shown).collect::<Vec<_>>() }))
            }
            ("DELETE", "jobs") => {
                self.state().jobs.clear();
                Ok(json!({}))
            }
            ("GET", "settings") => Ok(json!(self.settings())),
            ("POST", "settings") => self.change_settings(&body),
            ("GET", "plans") => Ok(self.state().plans.list()),
            ("POST", "plans") => read::<Plan>(body).and_then(|plan| {
                let mut state = self.state();
                state.plans.add(plan).map(|()| state.plans.list())
            }),
            ("DELETE", "plans") => {
                self.state().plans.clear();
                Ok(json!({}))
            }
            (method, path) => match path.strip_prefix("jobs/").and_then(|rest| rest.strip_suffix("/stop")) {
                Some(id) if method == "POST" => {
                    if self.stop_job(id) {
                        Ok(json!({}))
                    } else {
                        Err(format!("no job `{id}`"))
                    }
                }
                _ => return Reply::not_covered(&format!("{method} /_local/comprehend/{path}")),
            },
        };
        match outcome {
            Ok(body) => Reply::json(200, &body),
            Err(message) => Reply::error(400, "InvalidControlRequest", &message),
        }
    }

    fn all_classifiers(&self) -> Value {
        let state = self.state();
        json!({ "classifiers": state.classifiers.iter().map(Classifier::described).collect::<Vec<_>>() })
    }

    fn all_endpoints(&self) -> Value {
        let now = self.shared.clock.now();
        let mut state = self.state();
        state.endpoints.iter_mut().for_each(|endpoint| endpoint.settle(now));
        json!({ "endpoints": state.endpoints.iter().map(Endpoint::described).collect::<Vec<_>>() })
    }

    fn change_settings(&self, changes: &Value) -> Answer {
        let mut state = self.state();
        state.settings = state.settings.with(changes)?;
        Ok(json!(state.settings))
    }
}
