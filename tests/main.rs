//! End-to-end tests: the built programs on a tiny corpus, also with kills, damaged files, invalid arguments and
//! simultaneous runs.

mod cli;
mod cluster;
mod common;
mod comparisons;
mod damaged;
mod end_to_end;
mod faults;
mod guides;
mod halving;
mod languages;
mod new;
mod predict;
mod predict_models;
mod processes;
mod range_test;
mod references;
mod resume;
mod serve;
mod serve_hostile;
mod serve_page;
mod serve_trend;
mod shards;
mod side_by_side;
mod trend;
mod trend_topics;
mod upkeep;
