//! mart-deploy without AWS: on fakes, with a queue that delivers and a warehouse whose statements end as the test says.

mod order;
mod story;
mod support;
mod trouble;
