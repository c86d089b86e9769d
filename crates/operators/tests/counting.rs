//! Counts of small expressions.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use operators::{Operators, count, count_on_this_thread};
use tch::nn::{Module, OptimizerConfig};
use tch::{Device, Kind, Tensor, nn};

fn ones(shape: &[i64]) -> Tensor {
    Tensor::ones(shape, (Kind::Float, Device::Cpu))
}

fn counted<T>(work: impl FnOnce() -> T) -> Operators {
    count_on_this_thread(work).1
}

#[test]
fn an_addition_is_one_top_level_operator() {
    let (a, b) = (ones(&[2, 3]), ones(&[2, 3]));
    let operators = counted(|| &a + &b);
    assert_eq!(operators.table(), [("aten::add".to_owned(), 1, 1)]);
    assert_eq!(operators.top_level(), 1);
    assert_eq!(operators.top_level_of("aten::add"), 1);
    assert_eq!(operators.of("aten::add"), 1);
    assert_eq!(operators.of("aten::mul"), 0);
    assert_eq!(operators.synchronising(), []);
}

#[test]
fn in_place_operators_have_their_own_names() {
    let (mut a, b) = (ones(&[2]), ones(&[2]));
    let operators = counted(|| a += &b);
    assert_eq!(operators.top_level_of("aten::add_"), 1);
    assert_eq!(operators.top_level_of("aten::add"), 0);
}

#[test]
fn nested_calls_are_not_top_level() {
    let x = ones(&[2, 3]);
    let operators = counted(|| x.softmax(-1, Kind::Float));
    assert_eq!(operators.top_level(), 1, "{:?}", operators.table());
    assert_eq!(operators.top_level_of("aten::softmax"), 1);
    assert_eq!(operators.top_level_of("aten::_softmax"), 0);
    assert_eq!(operators.of("aten::_softmax"), 1);
    assert!(operators.total() > operators.top_level());
}

#[test]
fn backward_nodes_are_not_top_level() {
    let w = ones(&[3]).set_requires_grad(true);
    let loss = (&w * 2.0).sum(Kind::Float);
    let operators = counted(|| loss.backward());
    let top_level: Vec<_> = (operators.table().into_iter())
        .filter(|&(_, top_level, _)| top_level > 0)
        .collect();
    assert_eq!(top_level, [("aten::ones_like".to_owned(), 1, 1)]);
    assert!(operators.of("aten::mul") > 0, "{:?}", operators.table());
    assert!(operators.backward() > 0);
    assert_eq!(operators.engine(), 0);
}

#[test]
fn calls_of_the_engine_are_counted_separately() {
    let w = ones(&[3]).set_requires_grad(true);
    let once = &w * 2.0;
    let loss = (once.sin() + once.cos() + once.tanh()).sum(Kind::Float);
    let operators = counted(|| loss.backward());
    // Two additions.
    assert_eq!(operators.engine(), 2, "{:?}", operators.table());
    assert_eq!(operators.top_level(), 1, "{:?}", operators.table());

    let bias = ones(&[3]).set_requires_grad(true);
    let loss = (ones(&[2, 3]) + &bias).sum(Kind::Float);
    let operators = counted(|| loss.backward());
    assert_eq!(operators.of("aten::sum"), 1, "{:?}", operators.table());
    assert!(operators.engine() > 0, "{:?}", operators.table());
    assert_eq!(operators.top_level(), 1, "{:?}", operators.table());
}

#[test]
fn operators_between_two_backward_passes_are_top_level() {
    let w = ones(&[3]).set_requires_grad(true);
    let operators = counted(|| {
        w.square().sum(Kind::Float).backward();
        w.square().sum(Kind::Float).backward();
    });
    // The second pass adds its gradient to the first, in the node of the leaf.
    assert_eq!(operators.of("aten::add_"), 1, "{:?}", operators.table());
    assert_eq!(operators.top_level_of("aten::add_"), 0);
    for name in ["aten::square", "aten::sum", "aten::ones_like"] {
        assert_eq!(operators.top_level_of(name), 2, "{name}");
    }
    assert_eq!(operators.top_level(), 6, "{:?}", operators.table());
}

#[test]
fn reading_a_value_synchronises() {
    let x = ones(&[1]).sum(Kind::Float);
    let operators = counted(|| x.double_value(&[]));
    assert_eq!(
        operators.synchronising(),
        [
            ("aten::_local_scalar_dense".to_owned(), 1),
            ("aten::item".to_owned(), 1)
        ]
    );
    assert_eq!(operators.top_level(), 1);
}

#[test]
fn shapes_that_depend_on_values_synchronise() {
    let x = ones(&[3]);
    let operators = counted(|| {
        let _ = x.nonzero();
        let _ = x.masked_select(&x.gt(0.0));
        let _ = x.unique_dim(0, true, false, false);
        let _ = x.equal(&x);
    });
    let names: Vec<_> = (operators.synchronising().into_iter())
        .map(|(name, _)| name)
        .collect();
    for name in [
        "aten::equal",
        "aten::masked_select",
        "aten::nonzero",
        "aten::unique_dim",
    ] {
        assert!(names.iter().any(|found| found == name), "{name}: {names:?}");
    }
}

#[test]
fn copies_on_one_device_do_not_synchronise() {
    let (mut a, b) = (ones(&[3]), ones(&[3]));
    let operators = counted(|| {
        a.copy_(&b);
        b.to_kind(Kind::Double)
    });
    assert_eq!(operators.of("aten::copy_"), 2, "{:?}", operators.table());
    assert_eq!(operators.synchronising(), []);
}

#[test]
fn copies_between_devices_synchronise() {
    if !tch::Cuda::is_available() {
        return;
    }
    let x = ones(&[3]);
    let operators = counted(|| {
        let on_gpu = x.to_device_(Device::Cuda(0), Kind::Float, false, false);
        let _ = on_gpu.to_device_(Device::Cpu, Kind::Float, false, false);
        let _ = Vec::<f32>::try_from(&on_gpu);
        // The host does not wait for this one.
        let _ = x.to_device_(Device::Cuda(0), Kind::Float, true, false);
    });
    assert_eq!(operators.synchronising(), [("aten::copy_".to_owned(), 3)]);
}

#[test]
fn calls_without_the_dispatcher_are_not_counted() {
    let x = ones(&[2, 3]);
    let operators = counted(|| {
        let _ = (x.size(), x.stride(), x.kind(), x.device(), x.dim());
        let _ = (x.is_contiguous(), x.requires_grad(), x.data_ptr());
        let _ = x.shallow_clone().set_requires_grad(true).grad();
        let _ = x.contiguous();
        let mut values = [0f32; 6];
        x.copy_data(&mut values, 6);
    });
    assert_eq!(operators.table(), []);
    let operators = counted(|| Tensor::from_slice(&[1f32, 2.0]));
    assert_eq!(operators.top_level(), 1);
    assert_eq!(operators.top_level_of("aten::zeros"), 1);
    let flat = x.view(-1);
    let operators = counted(|| Vec::<f32>::try_from(&flat));
    assert_eq!(operators.table(), [("aten::to".to_owned(), 1, 1)]);
}

#[test]
fn all_threads_or_only_this_one_are_counted() {
    let add_on_another_thread = || {
        std::thread::scope(|scope| {
            scope.spawn(|| ones(&[2]).erfinv());
        });
    };
    // No other test uses this operator.
    let ((), operators) = count(add_on_another_thread);
    assert_eq!(operators.top_level_of("aten::erfinv"), 1);
    let ((), operators) = count_on_this_thread(add_on_another_thread);
    assert_eq!(operators.table(), []);
}

#[test]
fn counting_ends() {
    let x = ones(&[2]);
    let (y, first) = count_on_this_thread(|| &x + 1.0);
    let _ = &y + 1.0;
    let second = counted(|| ());
    assert_eq!(first.top_level_of("aten::add"), 1);
    assert_eq!(second.table(), []);
}

#[test]
fn a_panic_ends_counting() {
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        count_on_this_thread(|| {
            let _ = ones(&[2]).exp();
            panic!("on purpose");
        })
    }));
    assert!(panicked.is_err());
    let _ = ones(&[2]).exp();
    let operators = counted(|| ones(&[2]));
    assert_eq!(operators.of("aten::exp"), 0);
    assert_eq!(operators.top_level(), 1);
}

#[test]
fn counting_inside_counting_panics_and_ends_both() {
    let nested = catch_unwind(|| counted(|| counted(|| ())));
    assert!(nested.is_err());
    assert_eq!(counted(|| ones(&[1])).top_level(), 1);
}

#[test]
fn rows_of_a_table_are_ordered_by_frequency() {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = nn::linear(vs.root(), 4, 2, Default::default());
    let mut optimizer = nn::Sgd::default().build(&vs, 0.1).unwrap();
    let x = ones(&[8, 4]);
    let operators = counted(|| {
        let loss = model.forward(&x).square().mean(Kind::Float);
        optimizer.backward_step(&loss);
    });
    let table = operators.table();
    assert!(table.is_sorted_by(|a, b| a.2 >= b.2));
    assert_eq!(
        table.iter().map(|row| row.2).sum::<usize>(),
        operators.total()
    );
    assert_eq!(operators.top_level_of("aten::linear"), 1);
}
