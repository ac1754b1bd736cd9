//! `ClassifyDocument`.

use serde_json::{Value, json};

use super::input::{ENDPOINT, Input};
use super::predictions::member;
use super::refusal::{Outcome, Refusal};
use super::training::Trained;
use super::{Comprehend, Context};

impl Comprehend {
    /// The model has no error for an endpoint that does not exist: it is as one that is not in service, which
    /// is assumed.
    pub(super) fn classify(&self, cx: &Context, input: Input<'_>) -> Outcome<Value> {
        let arn = input.required("EndpointArn", (0, 256), ENDPOINT)?;
        if input.has("Bytes") || input.has("DocumentReaderConfig") {
            return Err(Refusal::not_covered("Bytes"));
        }
        let text = input
            .sized("Text", 1, usize::MAX)?
            .ok_or_else(|| Refusal::invalid("Either Text or Bytes must be given."))?;
        let (trained, most) = {
            let mut state = self.state();
            let settings = state.settings.clone();
            if text.len() > settings.max_text_bytes {
                return Err(Refusal::text_size(settings.max_text_bytes, text.len()));
            }
            let endpoint = state.endpoint(arn, cx.now).ok_or_else(Refusal::unavailable)?;
            let model = endpoint.ask(text.chars().count(), &settings, cx.now)?;
            let trained = state.trained(&model).map_err(|_| Refusal::unavailable())?;
            (trained, settings.endpoint_classes)
        };
        Ok(trained.answer(text, most))
    }
}

impl Trained {
    /// The classes, or labels, of a text, the likeliest first.
    pub(super) fn answer(&self, text: &str, most: Option<usize>) -> Value {
        let scores = self.model.classify(text).into_iter().take(most.unwrap_or(usize::MAX));
        let shown = scores.map(|score| json!({ "Name": score.name, "Score": score.score }));
        json!({ member(self.model.mode()): shown.collect::<Vec<_>>() })
    }
}
