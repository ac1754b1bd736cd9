//! The configuration that all AWS clients of a function share, and what their errors mean.
//!
//! Made without `aws-config`: in Lambda credentials, Region and endpoint come from environment variables and from
//! nowhere else, so there is no chain of profiles, files and metadata services to load and to search.

mod classify;
mod endpoint;
mod http;

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, app_name::AppName, region::Region};

pub use self::classify::classify;
use self::{endpoint::Endpoints, http::LazyHttp};
use crate::{
    early::Backlog,
    env::{FromEnv as _, Vars},
};

/// Until a connection stands, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// For one attempt of a call.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);
/// For a call with all its attempts.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);
/// First attempt included.
const ATTEMPTS: u32 = 3;

/// The shared configuration from the variables that Lambda sets: `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; and, where the template sets them, `AWS_ENDPOINT_URL` (a local cloud),
/// `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT` and `AWS_SDK_UA_APP_ID` (names the
/// caller in the user agent).
///
/// Calls time out after 6 seconds an attempt and 20 seconds in all, and are tried three times. All clients made from
/// it share one HTTP client, whose TLS set-up happens once, at the first call. That of
/// [`Kit::sdk_config`](crate::Kit::sdk_config) is set up while the function polls for its first event.
///
/// `None` if a variable is missing or malformed; the faults are then recorded in `vars`.
pub fn sdk_config(vars: &mut Vars) -> Option<SdkConfig> {
    configure(vars, &Backlog::default())
}

/// The same, with the TLS set-up as a part of `backlog`.
pub(crate) fn configure(vars: &mut Vars, backlog: &Backlog) -> Option<SdkConfig> {
    let region = vars.required::<String>("AWS_REGION", "an AWS Region");
    let key_id = vars.required::<String>("AWS_ACCESS_KEY_ID", "an access key id");
    let secret = vars.required::<String>("AWS_SECRET_ACCESS_KEY", "a secret access key");
    let token = vars.present("AWS_SESSION_TOKEN", "a session token");
    let endpoints = Endpoints::from_env(vars);
    let app_name: Option<Option<String>> = vars.present("AWS_SDK_UA_APP_ID", "an application name");
    let app_name = match app_name?.map(AppName::new).transpose() {
        Ok(app_name) => app_name,
        Err(_) => {
            vars.fault("AWS_SDK_UA_APP_ID", "letters, digits and `!#$%&'*+-.^_|~` only");
            None
        }
    };
    let endpoints = endpoints?;
    let credentials = Credentials::new(key_id?, secret?, token?, None, "Environment");
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(region?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        )
        .http_client(LazyHttp::queued(backlog, endpoints.need_tls()));
    config.set_app_name(app_name);
    endpoints.configure(&mut config);
    Some(config.build())
}

/// `config` for another Region, with the same HTTP client.
pub fn for_region(config: &SdkConfig, region: &str) -> SdkConfig {
    config.to_builder().region(Region::new(region.to_owned())).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAMBDA: [(&str, &str); 4] = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
    ];

    #[test]
    fn the_variables_of_lambda_are_enough() {
        let config = sdk_config(&mut Vars::from_pairs(LAMBDA)).expect("a configuration");
        assert_eq!(config.region().map(AsRef::as_ref), Some("eu-central-1"));
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:4566"));
        assert_eq!(config.app_name(), None);
        assert_eq!(config.retry_config().map(RetryConfig::max_attempts), Some(3));
        assert!(!format!("{config:?}").contains("hunter2"));

        let other = for_region(&config, "us-east-1");
        assert_eq!(other.region().map(AsRef::as_ref), Some("us-east-1"));
        assert_eq!(other.endpoint_url(), config.endpoint_url());
    }

    #[test]
    fn all_faults_are_recorded() {
        let mut vars = Vars::from_pairs([("AWS_ENDPOINT_URL", "localhost"), ("AWS_SDK_UA_APP_ID", "a b")]);
        let config = sdk_config(&mut vars);
        assert!(config.is_none());
        assert_eq!(
            vars.finish(config).expect_err("faults").to_string(),
            "configuration: `AWS_REGION` is missing, expected an AWS Region; \
             `AWS_ACCESS_KEY_ID` is missing, expected an access key id; \
             `AWS_SECRET_ACCESS_KEY` is missing, expected a secret access key; \
             `AWS_ENDPOINT_URL` is `localhost`, expected an http or https URL; \
             `AWS_SDK_UA_APP_ID` is `a b`, expected letters, digits and `!#$%&'*+-.^_|~` only"
        );
    }
}
