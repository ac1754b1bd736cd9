//! `GetFindings` with no more of a finding than customers change.
//!
//! The SDK knows everything that a filter and a finding can hold. To read its type for a resource's details, with 31
//! kilobytes of members for all kinds of resources there are, takes a stack frame of 6 megabytes in a build without
//! optimisation: more than a thread has. And whoever names the operation has all of that in the binary, a third of
//! what finding-enrich would be. So the call is made as `GetFindingsV2`, which is small and takes the same
//! credentials, endpoint and errors; path and body are replaced before it is signed, and the answer is read here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_securityhub::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_securityhub::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_securityhub::error::BoxError;
use aws_sdk_securityhub::operation::get_findings_v2::GetFindingsV2Output;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;
use serde_json::json;

use super::{Current, FindingId, Note};
use crate::pages::Page;

const PATH: &str = "/findings";
const PAGE_SIZE: i32 = 100;

/// Makes a `GetFindingsV2` a `GetFindings`. The SDK's own output stays empty.
#[derive(Clone, Debug)]
pub(super) struct Lean {
    question: Arc<str>,
    page: Arc<Mutex<Option<Page<Current>>>>,
}

impl Lean {
    /// Asks for every finding that has one of the ids and one of their products.
    pub(super) fn asking(ids: &[&FindingId], token: Option<&str>) -> Self {
        let equals = |value: &String| json!({ "Value": value, "Comparison": "EQUALS" });
        let products: BTreeSet<&String> = ids.iter().map(|id| &id.product_arn).collect();
        let mut question = json!({
            "Filters": {
                "Id": ids.iter().map(|id| equals(&id.id)).collect::<Vec<_>>(),
                "ProductArn": products.into_iter().map(equals).collect::<Vec<_>>(),
            },
            "MaxResults": PAGE_SIZE,
        });
        if let (Some(members), Some(token)) = (question.as_object_mut(), token) {
            members.insert("NextToken".to_owned(), token.into());
        }
        Self { question: question.to_string().into(), page: Arc::default() }
    }

    /// The page that was read.
    pub(super) fn take(&self) -> Option<Page<Current>> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for Lean {
    fn name(&self) -> &'static str {
        "Lean"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.set_uri(PATH)?;
        request.headers_mut().insert("content-length", self.question.len().to_string());
        *request.body_mut() = SdkBody::from(&*self.question);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Errors are left to the SDK.
        if context.response().status().is_success() {
            cfg.interceptor_state().store_put(SharedResponseDeserializer::new(self.clone()));
        }
        Ok(())
    }
}

impl DeserializeResponse for Lean {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let answer: Answer = serde_json::from_slice(response.body().bytes().unwrap_or_default())
            .map_err(OrchestratorError::other)?;
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer.into());
        Ok(Output::erase(GetFindingsV2Output::builder().build()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    findings: Option<Vec<Finding>>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Finding {
    id: Option<String>,
    product_arn: Option<String>,
    note: Option<Noted>,
    user_defined_fields: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Noted {
    text: Option<String>,
    updated_by: Option<String>,
}

impl From<Answer> for Page<Current> {
    fn from(answer: Answer) -> Self {
        let findings = answer.findings.unwrap_or_default();
        Self { items: findings.into_iter().filter_map(current).collect(), next: answer.next_token }
    }
}

fn current(finding: Finding) -> Option<Current> {
    Some(Current {
        id: FindingId { id: finding.id?, product_arn: finding.product_arn? },
        note: finding.note.map(|note| Note {
            text: note.text.unwrap_or_default(),
            updated_by: note.updated_by.unwrap_or_default(),
        }),
        user_defined_fields: finding.user_defined_fields.unwrap_or_default(),
    })
}
