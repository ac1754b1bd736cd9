//! What `make bench` measures the functions of the compliance screening with, beside what [`bench`](crate::bench) has: AWS as
//! they call it, campaigns of any size, and their events.

pub mod apis;
pub mod events;
pub mod file;
pub mod held;
pub mod objects;
pub mod table;
