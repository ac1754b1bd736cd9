//! Trains the classifier of compliance screening: checks a labelled CSV, has Amazon Comprehend train a custom
//! classifier with it, and writes which one to use into the configuration of the system.
//!
//! AWS is reached through the AWS CLI that `make` installs, so that profiles, single sign-on and
//! `AWS_ENDPOINT_URL` work as they do everywhere else.

pub mod aws;
pub mod confusion;
pub mod csv;
pub mod dataset;
pub mod evaluate;
pub mod leakage;
pub mod parameters;
pub mod starter;
pub mod train;
pub mod validate;
pub mod wait;
