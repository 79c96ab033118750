//! The longer behaviour of the cores, told as transcripts.

mod agent;
mod master;
mod operations;
mod shape;
