//! The parameters of a network in one flat buffer, so that the optimizer, a checkpoint, the best weights and the
//! gradient are one array each.
//!
//! The buffer has three parts: frozen parameters, which never change; dense parameters, which have one flat gradient;
//! and last the word table. A batch reads only some of its rows, so its gradient is added row by row.

use std::cell::Cell;
use std::ops::Range;

use tch::{Device, Kind, Tensor, no_grad};

/// A parameter and its position in the flat buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// The names of its tensors in `model.safetensors`, which are concatenated along their first dimension; nearly
    /// always one.
    pub parts: Vec<String>,
    /// Its shape.
    pub shape: Vec<i64>,
    /// Its range in the flat buffer.
    pub range: Range<usize>,
    /// Whether weight decay applies: it does for matrices of the network, not for biases and the embedding.
    pub decays: bool,
    /// The distance from the input: in an encoder 0 for the embedding, the number of the layer from 1, and one more
    /// for the head; 0 in all other networks.
    pub level: u32,
    /// Whether training does not change it.
    pub frozen: bool,
}

impl ParameterSpec {
    /// Its tensors in `model.safetensors`: name, shape, and range in the flat buffer.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Vec<usize>, Range<usize>)> {
        let count = self.parts.len();
        let mut shape: Vec<usize> = self.shape.iter().map(|size| *size as usize).collect();
        if let Some(first) = shape.first_mut() {
            *first /= count;
        }
        let length = self.range.len() / count;
        self.parts.iter().enumerate().map(move |(number, name)| {
            let start = self.range.start + number * length;
            (name.as_str(), shape.clone(), start..start + length)
        })
    }

    /// A view of it in a buffer whose first element is element `start` of the flat buffer.
    pub(crate) fn view(&self, buffer: &Tensor, start: usize) -> Tensor {
        let length = self.range.len() as i64;
        let part = buffer.narrow(0, (self.range.start - start) as i64, length);
        part.view(self.shape.as_slice())
    }
}

/// Index of a parameter in its [`ParameterLayout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterId(usize);

/// The parameters of a network and their initial values.
#[derive(Debug, Default)]
pub struct ParameterLayout {
    specs: Vec<ParameterSpec>,
    initial: Vec<f32>,
    level: u32,
    word_table: Option<ParameterId>,
}

impl ParameterLayout {
    /// Adds a parameter with its initial values in row-major order.
    pub fn add(&mut self, name: &str, shape: &[i64], decays: bool, init: &[f32]) -> ParameterId {
        self.add_parts(vec![name.to_owned()], shape, decays, init)
    }

    /// Adds a parameter that is stored as several tensors of equal shape.
    pub fn add_parts(
        &mut self,
        parts: Vec<String>,
        shape: &[i64],
        decays: bool,
        initial: &[f32],
    ) -> ParameterId {
        let elements: i64 = shape.iter().product();
        assert_eq!(
            elements,
            initial.len() as i64,
            "`{}` must have as many values as its shape",
            parts.join("`, `")
        );
        let is_last = self.word_table.is_none();
        assert!(is_last, "the word table must be the last parameter");
        let start = self.initial.len();
        self.initial.extend_from_slice(initial);
        self.specs.push(ParameterSpec {
            parts,
            shape: shape.to_vec(),
            range: start..self.initial.len(),
            decays,
            level: self.level,
            frozen: false,
        });
        ParameterId(self.specs.len() - 1)
    }

    /// Adds the word table `[V, D]`: the last parameter, with level 0.
    pub fn add_word_table(&mut self, name: &str, shape: &[i64], init: &[f32]) -> ParameterId {
        let id = self.add(name, shape, false, init);
        self.specs[id.0].level = 0;
        self.word_table = Some(id);
        id
    }

    /// The word table, if it is one of the parameters.
    pub fn word_table(&self) -> Option<ParameterId> {
        self.word_table
    }

    /// The elements that training changes: the dense parameters, then the word table.
    pub fn trained(&self) -> Range<usize> {
        let frozen = self.specs.iter().filter(|spec| spec.frozen);
        frozen.map(|spec| spec.range.end).max().unwrap_or(0)..self.len()
    }

    /// The elements of the dense parameters: neither frozen nor in the word table.
    pub fn dense(&self) -> Range<usize> {
        let table = self.word_table.map(|id| self.spec(id).range.start);
        self.trained().start..table.unwrap_or(self.len())
    }

    /// Sets the level of the parameters that are added from now on.
    pub fn begin_level(&mut self, level: u32) {
        self.level = level;
    }

    /// Freezes the embedding and this many layers above it; nothing for 0.
    pub(crate) fn freeze(&mut self, layers: u32) {
        for spec in &mut self.specs {
            spec.frozen = layers > 0 && spec.level <= layers && spec.level < self.level;
        }
    }

    /// The highest level.
    pub fn top(&self) -> u32 {
        self.level
    }

    /// All parameters, in the order of the buffer.
    pub fn specs(&self) -> &[ParameterSpec] {
        &self.specs
    }

    /// One parameter.
    pub fn spec(&self, id: ParameterId) -> &ParameterSpec {
        &self.specs[id.0]
    }

    /// Number of elements of all parameters.
    pub fn len(&self) -> usize {
        self.initial.len()
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.initial.is_empty()
    }

    /// A new flat buffer with the initial values.
    pub fn initial(&self, device: Device) -> Tensor {
        Tensor::from_slice(&self.initial).to_device(device)
    }
}

/// The parameters of a flat buffer as tensors with their separate shapes, which share its memory. The word table is not always
/// one of them.
#[derive(Debug)]
pub struct Parameters(Vec<Tensor>);

impl Parameters {
    /// Views of a whole flat buffer, without gradients.
    pub fn view(layout: &ParameterLayout, flat: &Tensor) -> Self {
        let flat = flat.detach();
        Self(views(layout.specs(), &flat))
    }

    /// Views of the frozen parameters in `frozen` and of the dense ones in `leaf`, which collects their gradient as
    /// one flat tensor. A single operation splits the leaf.
    pub(crate) fn from_leaf(layout: &ParameterLayout, frozen: &Tensor, leaf: &Tensor) -> Self {
        let dense = layout.dense();
        let until = |end: usize| layout.specs().partition_point(|spec| spec.range.end <= end);
        let (first, last) = (until(dense.start), until(dense.end));
        let mut all = views(&layout.specs()[..first], frozen);
        let specs = &layout.specs()[first..last];
        let lengths: Vec<i64> = specs.iter().map(|spec| spec.range.len() as i64).collect();
        let parts = leaf.split_with_sizes(lengths, 0);
        let views = specs.iter().zip(parts);
        all.extend(views.map(|(spec, part)| part.view(spec.shape.as_slice())));
        Self(all)
    }

    /// Stores matrices in oneDNN's format, for a network that is not trained: see [`crate::matrix_products`].
    pub(crate) fn pack(&mut self, matrices: &[ParameterId]) {
        for id in matrices {
            self.0[id.0] = no_grad(|| self.0[id.0].to_mkldnn());
        }
    }

    /// Several parameters.
    pub(crate) fn get_all<const N: usize>(&self, ids: [ParameterId; N]) -> [&Tensor; N] {
        ids.map(|id| self.get(id))
    }

    /// One parameter.
    pub fn get(&self, id: ParameterId) -> &Tensor {
        &self.0[id.0]
    }
}

/// A view of each of these parameters in a flat buffer.
fn views(specs: &[ParameterSpec], flat: &Tensor) -> Vec<Tensor> {
    specs.iter().map(|spec| spec.view(flat, 0)).collect()
}

thread_local! {
    /// Whether this thread runs GPU code, which must not read the memory of tensors.
    static NO_HOST_ACCESS: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work`, in which this thread must not read or write the memory of a tensor as a slice. A GPU would have to be
/// waited for; on a CPU it would work, so this check lets tests on a CPU find the mistake.
pub fn without_host_access<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            NO_HOST_ACCESS.set(self.0);
        }
    }
    let _restore = Restore(NO_HOST_ACCESS.replace(true));
    work()
}

/// The address and the number of elements of a contiguous tensor in CPU memory.
fn memory<T>(tensor: &Tensor, kind: Kind) -> (*mut T, usize) {
    let is_allowed = !NO_HOST_ACCESS.get();
    assert!(is_allowed, "GPU code read the memory of a tensor");
    assert!(
        tensor.device() == Device::Cpu && tensor.kind() == kind && tensor.is_contiguous(),
        "only a contiguous {kind:?} tensor in CPU memory is a slice"
    );
    match tensor.numel() {
        0 => (std::ptr::dangling_mut(), 0),
        count => (tensor.data_ptr().cast(), count),
    }
}

/// The elements of a flat f32 tensor in CPU memory.
///
/// The caller must not hold two such slices of one tensor at the same time.
pub fn as_slice_mut(tensor: &mut Tensor) -> &mut [f32] {
    let (start, count) = memory(tensor, Kind::Float);
    // SAFETY: the tensor owns `count` contiguous f32 from `start` on, and is borrowed mutably for as long
    // as the slice lives.
    unsafe { std::slice::from_raw_parts_mut(start, count) }
}

/// The elements of a flat f32 tensor in CPU memory, read-only.
pub fn as_slice(tensor: &Tensor) -> &[f32] {
    let (start, count) = memory(tensor, Kind::Float);
    // SAFETY: as above, and the slice is read-only.
    unsafe { std::slice::from_raw_parts(start, count) }
}

/// The bits of the elements of a flat bf16 tensor in CPU memory, read-only.
pub(crate) fn as_bf16_bits(tensor: &Tensor) -> &[u16] {
    let (start, count) = memory(tensor, Kind::BFloat16);
    // SAFETY: as above; any 16 bits are valid as u16.
    unsafe { std::slice::from_raw_parts(start, count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpu_code_cannot_read_the_memory_of_a_tensor() {
        let tensor = Tensor::from_slice(&[1.0_f32, 2.0]);
        let read = || as_slice(&tensor).len();
        assert_eq!(read(), 2);
        let refused =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| without_host_access(read)));
        assert!(refused.is_err());
        assert_eq!(read(), 2, "it is allowed again");
    }
}
