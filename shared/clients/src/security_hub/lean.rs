//! Reads of a finding only what customers change.
//!
//! The SDK reads every finding whole. Its type for a resource's details has 31 kilobytes of members for all kinds of
//! resources there are, per resource, and to read one takes a stack frame of 6 megabytes in a build without
//! optimisation: more than a thread has. Nothing of that is needed here.

use std::collections::HashMap;

use aws_sdk_securityhub::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_securityhub::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_securityhub::error::BoxError;
use aws_sdk_securityhub::operation::get_findings::GetFindingsOutput;
use aws_sdk_securityhub::types;
use aws_smithy_runtime_api::client::interceptors::context::{Error, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::ser_de::{DeserializeResponse, SharedResponseDeserializer};
use serde::Deserialize;

/// Makes a `GetFindings` read its answer this way.
#[derive(Debug)]
pub(super) struct Lean;

impl Intercept for Lean {
    fn name(&self) -> &'static str {
        "Lean"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Errors are left to the SDK.
        if context.response().status().is_success() {
            cfg.interceptor_state().store_put(SharedResponseDeserializer::new(Reader));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Reader;

impl DeserializeResponse for Reader {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        serde_json::from_slice(response.body().bytes().unwrap_or_default())
            .map(|answer: Answer| Output::erase(GetFindingsOutput::from(answer)))
            .map_err(OrchestratorError::other)
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
    note: Option<Note>,
    user_defined_fields: Option<HashMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Note {
    text: Option<String>,
    updated_by: Option<String>,
}

impl From<Answer> for GetFindingsOutput {
    fn from(answer: Answer) -> Self {
        let findings = answer.findings.unwrap_or_default().into_iter().map(Into::into).collect();
        Self::builder().set_findings(Some(findings)).set_next_token(answer.next_token).build()
    }
}

impl From<Finding> for types::AwsSecurityFinding {
    fn from(finding: Finding) -> Self {
        let note = finding
            .note
            .map(|note| types::Note::builder().set_text(note.text).set_updated_by(note.updated_by).build());
        Self::builder()
            .set_id(finding.id)
            .set_product_arn(finding.product_arn)
            .set_note(note)
            .set_user_defined_fields(finding.user_defined_fields)
            .build()
    }
}
