//! Where calls go, by the variables that AWS's SDKs share (AWS SDKs and Tools Reference Guide, "Service-specific
//! endpoints" and "Dual-stack and FIPS endpoints").

use std::{collections::BTreeMap, str::FromStr};

use aws_types::{
    sdk_config::Builder,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};

use crate::env::{FromEnv, Vars};

const URL: &str = "AWS_ENDPOINT_URL";
const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
const DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

/// What the environment says of endpoints.
#[derive(Debug)]
pub(super) struct Endpoints {
    url: Option<Url>,
    of_services: BTreeMap<String, Url>,
    fips: bool,
    dual_stack: bool,
}

impl Endpoints {
    /// Whether any call may need TLS.
    pub(super) fn need_tls(&self) -> bool {
        let https = |Url(url): &Url| url.starts_with("https://");
        self.url.as_ref().is_none_or(https) || self.of_services.values().any(https)
    }

    pub(super) fn configure(self, config: &mut Builder) {
        config
            .set_endpoint_url(self.url.map(|Url(url)| url))
            .set_use_fips(self.fips.then_some(true))
            .set_use_dual_stack(self.dual_stack.then_some(true));
        if !self.of_services.is_empty() {
            config.set_service_config(Some(OfServices(self.of_services)));
        }
    }
}

impl FromEnv for Endpoints {
    fn from_env(vars: &mut Vars) -> Option<Self> {
        let expected = "an http or https URL";
        let url: Option<Option<Url>> = vars.present(URL, expected);
        let of_services: Option<BTreeMap<String, Url>> = vars.starting_with("AWS_ENDPOINT_URL_", expected);
        let fips = vars.optional(FIPS, "true or false", Flag(false));
        let dual_stack = vars.optional(DUAL_STACK, "true or false", Flag(false));
        let (url, of_services, Flag(fips), Flag(dual_stack)) = (url?, of_services?, fips?, dual_stack?);
        if url.is_some() || !of_services.is_empty() {
            // The SDK would refuse every single call.
            for (name, _) in [(FIPS, fips), (DUAL_STACK, dual_stack)].into_iter().filter(|(_, set)| *set) {
                vars.fault(name, "false, as an endpoint URL is set, too");
            }
            if fips || dual_stack {
                return None;
            }
        }
        Some(Self { url, of_services, fips, dual_stack })
    }
}

#[derive(Debug)]
struct Url(String);

impl FromStr for Url {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_url = text.starts_with("http://") || text.starts_with("https://");
        is_url.then(|| Self(text.to_owned())).ok_or(())
    }
}

struct Flag(bool);

impl FromStr for Flag {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.to_ascii_lowercase().parse().map(Self).map_err(|_| ())
    }
}

/// The URLs of single services, by their ids as they stand in variables.
#[derive(Debug)]
struct OfServices(BTreeMap<String, Url>);

impl LoadServiceConfig for OfServices {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if key.env() != URL {
            return None;
        }
        let service = key.service_id().to_ascii_uppercase().replace([' ', '-'], "_");
        self.0.get(&service).map(|Url(url)| url.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(pairs: &[(&str, &str)]) -> Result<Endpoints, String> {
        Vars::from_pairs(pairs.iter().copied()).load().map_err(|error| error.to_string())
    }

    #[test]
    fn tls_is_spared_only_if_every_endpoint_is_http() {
        let cases: [(&[(&str, &str)], bool); 5] = [
            (&[], true),
            (&[(URL, "https://localhost")], true),
            (&[(URL, "http://localhost")], false),
            (&[(URL, "http://localhost"), ("AWS_ENDPOINT_URL_SQS", "https://localhost")], true),
            (&[("AWS_ENDPOINT_URL_SQS", "http://localhost")], true),
        ];
        for (vars, needed) in cases {
            assert_eq!(endpoints(vars).unwrap().need_tls(), needed, "{vars:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_a_fault() {
        let expected = "expected an http or https URL";
        let beside = "expected false, as an endpoint URL is set, too";
        let cases: [(&[(&str, &str)], String); 4] = [
            (
                &[("AWS_ENDPOINT_URL_SQS", "sqs"), (URL, "ftp://x"), ("AWS_ENDPOINT_URL_S3", "")],
                format!("`{URL}` is `ftp://x`, {expected}; `AWS_ENDPOINT_URL_SQS` is `sqs`, {expected}"),
            ),
            (&[(FIPS, "yes")], format!("`{FIPS}` is `yes`, expected true or false")),
            (
                &[(FIPS, "true"), (DUAL_STACK, "TRUE"), (URL, "http://localhost")],
                format!("`{FIPS}` is `true`, {beside}; `{DUAL_STACK}` is `TRUE`, {beside}"),
            ),
            (
                &[(FIPS, "true"), ("AWS_ENDPOINT_URL_SQS", "http://localhost")],
                format!("`{FIPS}` is `true`, {beside}"),
            ),
        ];
        for (vars, fault) in cases {
            assert_eq!(endpoints(vars).unwrap_err(), format!("configuration: {fault}"));
        }
        endpoints(&[(FIPS, "False"), (URL, "http://localhost")]).unwrap();
    }

    #[cfg(feature = "dynamodb")]
    mod calls {
        use std::sync::{Arc, Mutex};

        use aws_smithy_runtime_api::client::{
            http::{
                HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
            },
            orchestrator::HttpRequest,
            result::ConnectorError,
            runtime_components::RuntimeComponents,
        };
        use aws_smithy_types::retry::RetryConfig;

        use super::*;

        /// Remembers where a call goes and gives no answer.
        #[derive(Debug, Clone, Default)]
        struct Nowhere(Arc<Mutex<Vec<String>>>);

        impl HttpConnector for Nowhere {
            fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
                self.0.lock().unwrap().push(request.uri().to_owned());
                HttpConnectorFuture::ready(Err(ConnectorError::io("nowhere".into())))
            }
        }

        impl HttpClient for Nowhere {
            fn http_connector(
                &self,
                _: &HttpConnectorSettings,
                _: &RuntimeComponents,
            ) -> SharedHttpConnector {
                SharedHttpConnector::new(self.clone())
            }
        }

        #[tokio::test]
        async fn calls_go_where_the_variables_say() {
            let cases: [(&[(&str, &str)], &str); 6] = [
                (&[], "https://dynamodb.us-east-1.amazonaws.com/"),
                (&[(FIPS, "true")], "https://dynamodb-fips.us-east-1.amazonaws.com/"),
                (&[(DUAL_STACK, "true")], "https://dynamodb.us-east-1.api.aws/"),
                (&[(URL, "http://all:1")], "http://all:1/"),
                (&[(URL, "http://all:1"), ("AWS_ENDPOINT_URL_DYNAMODB", "http://one:2")], "http://one:2/"),
                (&[(URL, "http://all:1"), ("AWS_ENDPOINT_URL_SQS", "http://other:2")], "http://all:1/"),
            ];
            let lambda =
                [("AWS_REGION", "us-east-1"), ("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "s")];
            for (vars, expected) in cases {
                let mut vars = Vars::from_pairs(lambda.into_iter().chain(vars.iter().copied()));
                let config = crate::aws::sdk_config(&mut vars).unwrap().to_builder();
                let nowhere = Nowhere::default();
                let config =
                    config.http_client(nowhere.clone()).retry_config(RetryConfig::disabled()).build();
                aws_sdk_dynamodb::Client::new(&config).list_tables().send().await.unwrap_err();
                assert_eq!(*nowhere.0.lock().unwrap(), [expected]);
            }
        }

        #[test]
        fn a_services_id_becomes_the_name_of_its_variable() {
            let of_services = endpoints(&[("AWS_ENDPOINT_URL_REDSHIFT_DATA", "http://one")]).unwrap();
            let of_services = OfServices(of_services.of_services);
            let key =
                |env| ServiceConfigKey::builder().service_id("Redshift Data").profile("p").env(env).build();
            assert_eq!(of_services.load_config(key(URL).unwrap()).as_deref(), Some("http://one"));
            assert_eq!(of_services.load_config(key("AWS_OTHER").unwrap()), None);
        }
    }
}
