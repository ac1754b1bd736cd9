//! finding-enrich without AWS: on fakes, with a queue that delivers.

mod batch;
mod corners;
mod events;
mod give_up;
mod support;
