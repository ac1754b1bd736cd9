//! The contracts of the ports, checked against the fakes and, through the adapters, against the local cloud.

#[cfg(test)]
mod fakes;
#[cfg(test)]
mod local_campaigns;
#[cfg(test)]
mod local_cloud;
#[cfg(test)]
mod local_links;
#[cfg(test)]
mod local_marts;
#[cfg(test)]
mod local_messages;
#[cfg(test)]
mod wire;
