//! The API in front of a backend that writes down what it is asked.

mod agent;
mod executor;
mod fuzz;
mod master;
mod process;
mod reads;
mod support;
