//! What the page asks through CloudFront and an HTTP API, and what it is answered.
//!
//! Requests come in payload format 2.0 of API Gateway. They are checked in this order:
//!
//! 1. [`Event::is_from`]: it came through CloudFront, which adds a secret header. Only then is the viewer's address
//!    CloudFront's word; without this check anybody could use up the limit of another's address.
//! 2. [`Event::viewer`]: the address, which is limited before anything else is looked at.
//! 3. [`Event::ask`]: a POST of JSON from our own page, at most 2 KB, with a token in the one form that tokens have.
//!
//! No answer has the status 403 or 404: CloudFront would put the page of expired links in its place.
//!
//! Sources: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs" (payload format 2.0);
//! CloudFront developer guide, "Add CloudFront request headers" and "Add custom headers to origin requests"; W3C,
//! "Fetch Metadata Request Headers".

mod answer;
mod event;
mod origin;
mod viewer;

pub use answer::{Answer, Problem};
pub use event::{Ask, Event, MOST_BYTES};
pub use origin::{NotAnOrigin, Origin};
pub use viewer::{Viewer, until_next};
