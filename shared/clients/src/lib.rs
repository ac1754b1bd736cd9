#![doc = include_str!("../README.md")]

#[cfg(any(feature = "detective", feature = "iam"))]
mod cache;
#[cfg(feature = "detective")]
pub mod detective;
#[cfg(any(
    feature = "detective",
    feature = "event-bus",
    feature = "iam",
    feature = "marts",
    feature = "redshift-data",
    feature = "s3",
    feature = "security-hub",
    feature = "sqs"
))]
mod errors;
#[cfg(feature = "event-bus")]
pub mod event_bus;
#[cfg(all(
    feature = "testing",
    any(
        feature = "detective",
        feature = "iam",
        feature = "marts",
        feature = "redshift-data",
        feature = "s3",
        feature = "security-hub"
    )
))]
mod faults;
#[cfg(feature = "iam")]
pub mod iam;
#[cfg(feature = "marts")]
pub mod marts;
#[cfg(any(feature = "detective", feature = "security-hub"))]
mod pages;
#[cfg(feature = "redshift-data")]
pub mod redshift_data;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "security-hub")]
pub mod security_hub;
#[cfg(feature = "sqs")]
pub mod sqs;
