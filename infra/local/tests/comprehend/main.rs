//! The Comprehend stand-in as a service, without gateway and S3, and through the endpoint.

mod bench;
mod classifiers;
mod endpoints;
mod gateway;
mod jobs;
mod starter;
