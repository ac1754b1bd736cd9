//! What `make bench` measures the functions of the data marts with, beside what [`bench`](crate::bench) has: AWS as
//! they call it, results of any size, and their events.

pub mod apis;
pub mod events;
pub mod results;
