//! What the SDK adapters send, and what they make of answers that a small server gives.

#[cfg(test)]
mod detective;
#[cfg(test)]
mod detective_lists;
#[cfg(test)]
mod event_bus;
#[cfg(test)]
mod iam;
#[cfg(test)]
mod redshift_data;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod security_hub;
#[cfg(test)]
mod sqs;
#[cfg(test)]
mod support;
