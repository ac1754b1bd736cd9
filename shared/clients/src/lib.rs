#![doc = include_str!("../README.md")]

#[cfg(any(feature = "detective", feature = "iam", feature = "secrets"))]
mod cache;
#[cfg(feature = "campaigns")]
pub mod campaigns;
#[cfg(feature = "comprehend")]
pub mod comprehend;
#[cfg(feature = "connect")]
pub mod connect;
#[cfg(feature = "detective")]
pub mod detective;
#[cfg(feature = "email")]
pub mod email;
#[cfg(any(
    feature = "campaigns",
    feature = "comprehend",
    feature = "connect",
    feature = "detective",
    feature = "email",
    feature = "event-bus",
    feature = "iam",
    feature = "marts",
    feature = "redshift-data",
    feature = "s3",
    feature = "secrets",
    feature = "security-hub",
    feature = "sqs"
))]
mod errors;
#[cfg(feature = "event-bus")]
pub mod event_bus;
#[cfg(all(
    feature = "testing",
    any(
        feature = "campaigns",
        feature = "comprehend",
        feature = "connect",
        feature = "detective",
        feature = "iam",
        feature = "links",
        feature = "marts",
        feature = "redshift-data",
        feature = "s3",
        feature = "security-hub"
    )
))]
mod faults;
#[cfg(feature = "iam")]
pub mod iam;
#[cfg(feature = "links")]
pub mod links;
#[cfg(feature = "marts")]
pub mod marts;
#[cfg(any(feature = "detective", feature = "security-hub"))]
mod pages;
#[cfg(feature = "redshift-data")]
pub mod redshift_data;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "secrets")]
pub mod secrets;
#[cfg(feature = "security-hub")]
pub mod security_hub;
#[cfg(any(feature = "email", feature = "sms"))]
mod sending;
#[cfg(feature = "sms")]
pub mod sms;
#[cfg(feature = "sqs")]
pub mod sqs;
#[cfg(feature = "testing")]
mod tap;
