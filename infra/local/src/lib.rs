//! The local cloud: one endpoint on this machine that stands in for AWS, so that unmodified function
//! binaries, SDKs and templates run without an account.
//!
//! # Layout
//! - [`cloud`]: starts everything and serves the endpoint
//! - [`gateway`]: identifies calls, routes them to a stand-in or to MiniStack, records them
//! - [`journal`], [`faults`]: what was called; what shall go wrong
//! - [`control`]: the control API below `/_local/`
//! - [`ministack`], [`process`]: MiniStack and the function processes
//! - [`events`]: the default event bus for events of AWS services
//! - [`deploy`]: the templates
//! - [`edge`]: a listener of its own that stands in for CloudFront and for HTTP APIs
//! - [`service`]: what a stand-in implements; [`comprehend`], [`connect`], [`detective`], [`email`],
//!   [`redshift_data`], [`securityhub`], [`sms`]: the stand-ins
//! - [`messages`]: the emails and SMS that were accepted

pub mod cloud;
pub mod comprehend;
pub mod connect;
pub mod control;
pub mod deploy;
pub mod detective;
pub mod edge;
pub mod email;
pub mod events;
pub mod faults;
pub mod gateway;
pub mod journal;
pub mod messages;
pub mod ministack;
pub mod process;
pub mod redshift_data;
pub mod securityhub;
pub mod service;
pub mod sms;
