//! How a distribution answers viewers.

use eventide_testing::Aws;
use http::Method;
use http::header::HOST;

use super::answer::{Answer, Request, page, xml};
use super::distribution::{Behaviour, Distribution, Kind, Origin};
use super::forwarding::insert;
use super::{Edge, s3, secret, signed};

impl Edge {
    /// Answers as that distribution does: its own check, the origin, an error page in the place of an error, and the
    /// response headers policy of the behaviour that the request's own path has.
    pub(super) async fn distribute(&self, distribution: &Distribution, request: &Request) -> Answer {
        let Some((behaviour, origin)) = distribution.behaviour(&request.path) else {
            return page(500, "No behaviour.");
        };
        let mut answer = match self.admit(behaviour, request) {
            Ok(query) => self.fetch(distribution, (behaviour, origin), request, &query).await,
            Err(refused) => *refused,
        };
        if let Some(error) = distribution.error(answer.status().as_u16()) {
            let asked = Request {
                method: Method::GET,
                path: error.page.clone(),
                query: String::new(),
                ..request.clone()
            };
            if let Some(found) = distribution.behaviour(&error.page) {
                let shown = self.fetch(distribution, found, &asked, "").await;
                let good = shown.status().is_success();
                answer = shown;
                if let (true, Ok(status)) = (good, error.status.try_into()) {
                    *answer.status_mut() = status;
                }
            }
        }
        let cached =
            if answer.status().as_u16() >= 400 { "Error from cloudfront" } else { "Miss from cloudfront" };
        insert(answer.headers_mut(), "x-cache", cached);
        insert(answer.headers_mut(), "via", &format!("1.1 {} (CloudFront)", distribution.domain));
        if !answer.headers().contains_key("server") {
            insert(answer.headers_mut(), "server", "CloudFront");
        }
        behaviour.headers.apply(answer.headers_mut());
        answer
    }

    /// The query that goes on to the origin, or the refusal.
    fn admit(&self, behaviour: &Behaviour, request: &Request) -> Result<String, Box<Answer>> {
        if !behaviour.methods.iter().any(|method| method == request.method.as_str()) {
            let why = "This distribution is not configured to allow the HTTP request method that was used for this \
                       request.";
            return Err(Box::new(page(403, why)));
        }
        let Some(keys) = &behaviour.keys else { return Ok(request.query.clone()) };
        let asked = signed::Asked {
            url: &format!("http://{}{}", request.host, request.path),
            query: &request.query,
            address: request.peer.ip(),
            now: self.clock.now().unix_timestamp(),
        };
        signed::check(asked, keys).map_err(|refusal| {
            let (code, words) = refusal.words();
            Box::new(xml(403, code, words))
        })
    }

    async fn fetch(
        &self,
        distribution: &Distribution,
        (behaviour, origin): (&Behaviour, &Origin),
        request: &Request,
        query: &str,
    ) -> Answer {
        let path = format!("{}{}", origin.path, distribution.object(&request.path));
        match &origin.kind {
            Kind::Bucket(bucket) => s3::fetch(&self.cloudfront, bucket, &path, request).await,
            Kind::HttpApi => {
                let mut headers = behaviour.forwarding.headers(request, &origin.domain, &distribution.domain);
                for (name, value) in &origin.headers {
                    match secret::resolve(&self.cloudfront, value).await {
                        Ok(value) => insert(&mut headers, name, &value),
                        Err(error) => {
                            tracing::warn!(header = name, error, "an origin's header does not resolve");
                            return page(502, "A header of the origin does not resolve.");
                        }
                    }
                }
                let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
                let forwarded = Request {
                    host: host.to_owned(),
                    path,
                    query: behaviour.forwarding.query(query),
                    headers,
                    ..request.clone()
                };
                self.call(&self.api_gateway, &origin.domain, forwarded).await
            }
        }
    }

    /// Hands a request to the HTTP API of that domain.
    async fn call(&self, aws: &Aws, domain: &str, request: Request) -> Answer {
        let site = self.sites().into_iter().find(|site| site.apis.iter().any(|api| api.domain == domain));
        match site.as_ref().and_then(|site| site.apis.iter().find(|api| api.domain == domain)) {
            Some(api) => api.answer(aws, request).await,
            None => page(502, "CloudFront wasn't able to resolve the origin domain name."),
        }
    }

    /// Answers whatever comes in by whom it is for: a distribution or an HTTP API of that host, else the distribution
    /// that was deployed last.
    pub(super) async fn route(&self, request: Request) -> Answer {
        let sites = self.sites();
        if sites.iter().any(|site| site.apis.iter().any(|api| api.domain == request.host)) {
            let domain = request.host.clone();
            return self.call(&self.api_gateway, &domain, request).await;
        }
        let all = || sites.iter().rev().flat_map(|site| &site.distributions);
        let distribution = all().find(|distribution| distribution.is_called(&request.host));
        match distribution.or_else(|| all().next()) {
            Some(distribution) => self.distribute(distribution, &request).await,
            None => page(404, "No distribution is deployed in this local cloud."),
        }
    }
}
