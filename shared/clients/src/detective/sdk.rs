use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_detective::config::retry::RetryConfig;
use aws_sdk_detective::config::{Builder, Region};
use aws_sdk_detective::types::{DateFilter, Field, FilterCriteria, SortCriteria, SortOrder, StringFilter};
use aws_sdk_detective::{Client, Config};
use aws_types::SdkConfig;
use eventide_kit::clock::Clock;
use eventide_kit::error::Error;
use eventide_types::investigation::{Indicator, Investigation, Window};
use time::{Duration, OffsetDateTime};

use super::convert::{indicator, investigation, listed, our_time, wire_time};
use super::{Detective, Start, start};
use crate::cache::Cache;
use crate::errors::{self, failed};
use crate::pages::{self, MAX_PAGES, Page};

/// How long a graph that was found is taken to be there still.
const GRAPH_LIFETIME: Duration = Duration::minutes(15);
/// How long a Region without a graph is taken to have none still: somebody may be enabling Detective right now.
const NO_GRAPH_LIFETIME: Duration = Duration::minutes(1);
/// Entries asked for in a page, the most that `ListInvestigations` and `ListIndicators` give.
const PAGE_SIZE: i32 = 100;
/// Longest value of a filter (Detective API reference, `StringFilter`). Role ARNs with long paths exceed it.
const MAX_FILTER_VALUE: usize = 500;

/// [`Detective`] through the AWS SDK, with one client per Region, made when first asked for. All share one HTTP client.
pub struct SdkDetective {
    config: SdkConfig,
    clients: Mutex<HashMap<String, Client>>,
    graphs: Cache<String, Option<String>>,
}

impl fmt::Debug for SdkDetective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdkDetective").field("graphs", &self.graphs).finish_non_exhaustive()
    }
}

impl SdkDetective {
    /// Uses everything of `config` but its Region. `clock` says when a cached graph is too old.
    pub fn new(config: &SdkConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config: config.clone(), clients: Mutex::default(), graphs: Cache::new(clock) }
    }

    fn client(&self, region: &str) -> Result<Client, Error> {
        // The Region becomes part of the host name that signed requests are sent to.
        let is_region = (4..=32).contains(&region.len())
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !is_region {
            return Err(Error::permanent("InvalidRegion", "the region is not the code of an AWS Region"));
        }
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.to_owned()).or_insert_with(|| {
            let config = Builder::from(&self.config).region(Region::new(region.to_owned()));
            Client::from_conf(config.build())
        });
        Ok(client.clone())
    }

    async fn find_graph(&self, region: &str) -> Result<Option<String>, Error> {
        let client = self.client(region)?;
        let mut graphs = pages::all("detective:ListGraphs", |token| {
            let request = client.list_graphs().set_next_token(token);
            async move {
                let page = request.send().await.map_err(|error| failed("detective:ListGraphs", &error))?;
                Ok(Page { items: page.graph_list.unwrap_or_default(), next: page.next_token })
            }
        })
        .await?;
        graphs.sort_by_key(|graph| graph.created_time.as_ref().and_then(our_time));
        Ok(graphs.into_iter().find_map(|graph| graph.arn))
    }

    /// What only says something about a Region other than our own is no fault of the environment.
    fn blame(&self, region: &str, error: Error) -> Error {
        let elsewhere = self.config.region().is_none_or(|home| home.as_ref() != region);
        if elsewhere && errors::may_be_the_regions(&error) {
            return Error::retryable(
                "RegionUnavailable",
                format!("detective cannot be used in region `{region}`"),
            )
            .with_source(error);
        }
        error
    }
}

impl Detective for SdkDetective {
    async fn graph(&self, region: &str) -> Result<Option<String>, Error> {
        if let Some(known) = self.graphs.get(region) {
            return Ok(known);
        }
        let found = self.find_graph(region).await.map_err(|error| self.blame(region, error))?;
        let lifetime = if found.is_some() { GRAPH_LIFETIME } else { NO_GRAPH_LIFETIME };
        self.graphs.put(region.to_owned(), found.clone(), lifetime);
        Ok(found)
    }

    async fn start(&self, region: &str, graph_arn: &str, entity_arn: &str, window: &Window) -> Start {
        let client = match self.client(region) {
            Ok(client) => client,
            Err(error) => return Start::Refused(error),
        };
        let request = client
            .start_investigation()
            .graph_arn(graph_arn)
            .entity_arn(entity_arn)
            .scope_start_time(wire_time(window.start))
            .scope_end_time(wire_time(window.end))
            .customize()
            .config_override(Config::builder().retry_config(RetryConfig::disabled()));
        start::outcome(request.send().await)
    }

    async fn get(&self, region: &str, graph_arn: &str, id: &str) -> Result<Option<Investigation>, Error> {
        const OPERATION: &str = "detective:GetInvestigation";
        let request = self.client(region)?.get_investigation().graph_arn(graph_arn).investigation_id(id);
        match request.send().await {
            Ok(output) => investigation(id, output).map(Some).ok_or_else(|| {
                Error::retryable("IncompleteAnswer", format!("`{OPERATION}` answered in part"))
            }),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                Ok(None)
            }
            Err(error) => Err(failed(OPERATION, &error)),
        }
    }

    async fn list_for_entity(
        &self,
        region: &str,
        graph_arn: &str,
        entity_arn: &str,
        created_since: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Vec<Investigation>, Error> {
        const OPERATION: &str = "detective:ListInvestigations";
        let client = self.client(region)?;
        let created = DateFilter::builder()
            .start_inclusive(wire_time(created_since))
            .end_inclusive(wire_time(now))
            .build()
            .map_err(|error| errors::request(OPERATION, error))?;
        let mut filter = FilterCriteria::builder().created_time(created);
        if entity_arn.len() <= MAX_FILTER_VALUE {
            let entity = StringFilter::builder().value(entity_arn).build();
            filter = filter.entity_arn(entity.map_err(|error| errors::request(OPERATION, error))?);
        }
        let filter = filter.build();
        let newest_first =
            SortCriteria::builder().field(Field::CreatedTime).sort_order(SortOrder::Desc).build();
        let details = pages::all(OPERATION, |token| {
            let request = client
                .list_investigations()
                .graph_arn(graph_arn)
                .filter_criteria(filter.clone())
                .sort_criteria(newest_first.clone())
                .max_results(PAGE_SIZE)
                .set_next_token(token);
            async move {
                let page = request.send().await.map_err(|error| failed(OPERATION, &error))?;
                Ok(Page { items: page.investigation_details.unwrap_or_default(), next: page.next_token })
            }
        })
        .await?;
        let mut found: Vec<_> = details.into_iter().filter_map(listed).collect();
        found.retain(|investigation| investigation.entity_arn == entity_arn);
        found.sort_by_key(|investigation| std::cmp::Reverse(investigation.created));
        Ok(found)
    }

    async fn indicators(&self, region: &str, graph_arn: &str, id: &str) -> Result<Vec<Indicator>, Error> {
        const OPERATION: &str = "detective:ListIndicators";
        let client = self.client(region)?;
        let mut found = Vec::new();
        let mut token: Option<String> = None;
        let mut restarted = false;
        let mut pages_left = MAX_PAGES;
        while pages_left > 0 {
            let request = client
                .list_indicators()
                .graph_arn(graph_arn)
                .investigation_id(id)
                .max_results(PAGE_SIZE)
                .set_next_token(token.clone());
            let page = match request.send().await {
                Ok(page) => page,
                // Tokens die after 24 hours; a continued list then has to begin again.
                Err(error)
                    if token.is_some()
                        && !restarted
                        && error.as_service_error().is_some_and(|e| e.is_validation_exception()) =>
                {
                    found.clear();
                    token = None;
                    restarted = true;
                    pages_left = MAX_PAGES;
                    continue;
                }
                Err(error) => return Err(failed(OPERATION, &error)),
            };
            for wire in page.indicators.unwrap_or_default() {
                let kind = wire.indicator_type.clone();
                match indicator(wire) {
                    Some(indicator) => found.push(indicator),
                    None => {
                        let kind = kind.as_ref().map(|kind| kind.as_str());
                        tracing::debug!(kind, "an indicator that is not understood was left out");
                    }
                }
            }
            token = page.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
            pages_left -= 1;
        }
        pages::cut_short(OPERATION, found.len());
        Ok(found)
    }
}
