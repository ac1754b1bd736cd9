//! What `make bench` measures the functions of voice to chat with, beside what [`bench`](crate::bench) has: AWS as they
//! call it, their events, and what is taken of many of them.

pub mod apis;
pub mod events;
pub mod items;
pub mod samples;
