//! What the SDK adapters send, and what they make of answers that a small server gives.

#[cfg(test)]
mod campaigns;
#[cfg(test)]
mod comprehend;
#[cfg(test)]
mod connect;
#[cfg(test)]
mod detective;
#[cfg(test)]
mod detective_lists;
#[cfg(test)]
mod email;
#[cfg(test)]
mod event_bus;
#[cfg(test)]
mod iam;
#[cfg(test)]
mod links;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod redshift_data;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod s3_stream;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod security_hub;
#[cfg(test)]
mod sending;
#[cfg(test)]
mod sms;
#[cfg(test)]
mod sqs;
#[cfg(test)]
mod support;
