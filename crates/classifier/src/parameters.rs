//! All parameters of a network in one flat buffer, so that the optimizer, a checkpoint, the best
//! weights and the gradient are each one array.

use std::ops::Range;

use tch::{Device, Kind, Tensor, no_grad};

/// One parameter's place in the flat buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// The names of the tensors of `model.safetensors` that it is made of, laid one after the other
    /// along their first dimension. Nearly always one.
    pub parts: Vec<String>,
    /// Its shape.
    pub shape: Vec<i64>,
    /// Its elements in the flat buffer.
    pub range: Range<usize>,
    /// Whether weight decay applies (matrices of the network; not biases, not the embedding).
    pub decays: bool,
    /// How far from the input it is: in an encoder 0 for the embedding, then the layer from 1, and
    /// one more for the head; 0 everywhere else.
    pub level: u32,
    /// Whether it stays as it is.
    pub frozen: bool,
}

impl ParameterSpec {
    /// Its tensors in `model.safetensors`: name, shape, and elements of the flat buffer.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, Vec<usize>, Range<usize>)> {
        let count = self.parts.len();
        let mut shape: Vec<usize> = self
            .shape
            .iter()
            .map(|&size| usize::try_from(size).unwrap_or(0))
            .collect();
        if let Some(first) = shape.first_mut() {
            *first /= count;
        }
        let length = self.range.len() / count;
        self.parts.iter().enumerate().map(move |(number, name)| {
            let start = self.range.start + number * length;
            (name.as_str(), shape.clone(), start..start + length)
        })
    }
}

/// Index of a parameter in its [`Layout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterId(usize);

/// The parameters of a network, with the values they start from.
#[derive(Debug, Default)]
pub struct Layout {
    specs: Vec<ParameterSpec>,
    initial: Vec<f32>,
    level: u32,
}

impl Layout {
    /// Adds a parameter. Its values are in row-major order and as many as its shape says.
    pub fn add(
        &mut self,
        name: impl Into<String>,
        shape: &[i64],
        decays: bool,
        initial: &[f32],
    ) -> ParameterId {
        self.add_parts(vec![name.into()], shape, decays, initial)
    }

    /// Adds a parameter that is kept as several tensors of equal shape.
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
            "`{}` has as many values as its shape says",
            parts.join("`, `")
        );
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

    /// Parameters added from now on are of this level.
    pub(crate) fn begin_level(&mut self, level: u32) {
        self.level = level;
    }

    /// Lets the embedding and this many layers above it stay as they are; with 0 nothing does.
    pub(crate) fn freeze(&mut self, layers: u32) {
        for spec in &mut self.specs {
            spec.frozen = layers > 0 && spec.level <= layers && spec.level < self.level;
        }
    }

    /// The highest level.
    pub fn top(&self) -> u32 {
        self.level
    }

    /// The places of all parameters, in the order of the buffer.
    pub fn specs(&self) -> &[ParameterSpec] {
        &self.specs
    }

    /// The place of one.
    pub fn spec(&self, id: ParameterId) -> &ParameterSpec {
        &self.specs[id.0]
    }

    /// Number of elements of all parameters.
    pub fn len(&self) -> usize {
        self.initial.len()
    }

    /// Whether there is no parameter.
    pub fn is_empty(&self) -> bool {
        self.initial.is_empty()
    }

    /// A new flat buffer with the initial values.
    pub fn initial(&self, device: Device) -> Tensor {
        Tensor::from_slice(&self.initial).to_device(device)
    }

    /// A new flat buffer of zeros: for gradients and moments.
    pub fn zeros(&self, device: Device) -> Tensor {
        Tensor::zeros([self.initial.len() as i64], (Kind::Float, device))
    }
}

/// The parameters of a flat buffer as tensors of their own shapes, sharing its memory.
#[derive(Debug)]
pub struct Parameters(Vec<Tensor>);

impl Parameters {
    /// Views of a flat buffer. With `trainable`, each is a leaf that collects a gradient.
    pub fn view(layout: &Layout, flat: &Tensor, trainable: bool) -> Self {
        let view = |spec: &ParameterSpec| {
            let start = spec.range.start as i64;
            let part = flat
                .narrow(0, start, spec.range.len() as i64)
                .view(spec.shape.as_slice())
                .detach();
            part.set_requires_grad(trainable && !spec.frozen)
        };
        Self(layout.specs().iter().map(view).collect())
    }

    /// Copies of a flat buffer in another number format, except those that are looked up row by
    /// row and never multiplied. Each is a leaf if it is trainable.
    pub fn copy(
        layout: &Layout,
        flat: &Tensor,
        trainable: bool,
        kind: Kind,
        looked_up: Option<ParameterId>,
    ) -> Self {
        let views = Self::view(layout, flat, false);
        let copy = |(index, view): (usize, Tensor)| {
            if looked_up == Some(ParameterId(index)) {
                return view;
            }
            let trainable = trainable && !layout.specs[index].frozen;
            view.to_kind(kind).set_requires_grad(trainable)
        };
        Self(views.0.into_iter().enumerate().map(copy).collect())
    }

    /// Lays matrices out as oneDNN multiplies with them, for a network that is only asked: see
    /// [`crate::linear`].
    pub(crate) fn pack(&mut self, matrices: &[ParameterId]) {
        for id in matrices {
            self.0[id.0] = no_grad(|| self.0[id.0].to_mkldnn());
        }
    }

    /// Brings copies up to date with the flat buffer.
    pub fn refresh(&mut self, layout: &Layout, flat: &Tensor) {
        let views = Self::view(layout, flat, false);
        no_grad(|| {
            for (own, view) in self.0.iter_mut().zip(&views.0) {
                if own.kind() != view.kind() {
                    own.copy_(view);
                }
            }
        });
    }

    /// One of them.
    pub fn get(&self, id: ParameterId) -> &Tensor {
        &self.0[id.0]
    }

    /// All of them, in the order of the layout.
    pub fn iter(&self) -> impl Iterator<Item = &Tensor> {
        self.0.iter()
    }
}

/// The elements of a flat f32 tensor in the processor's memory.
///
/// The caller must not let two such slices of one tensor live at once.
pub fn as_slice_mut(tensor: &mut Tensor) -> &mut [f32] {
    assert!(
        tensor.device() == Device::Cpu && tensor.kind() == Kind::Float && tensor.is_contiguous(),
        "only a contiguous f32 tensor in memory is a slice"
    );
    // SAFETY: the tensor owns `numel` contiguous f32 at this address, and is borrowed mutably for
    // as long as the slice lives.
    unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<f32>(), tensor.numel()) }
}

/// The elements of a flat f32 tensor in the processor's memory, to read.
pub fn as_slice(tensor: &Tensor) -> &[f32] {
    assert!(
        tensor.device() == Device::Cpu && tensor.kind() == Kind::Float && tensor.is_contiguous(),
        "only a contiguous f32 tensor in memory is a slice"
    );
    // SAFETY: as above, and shared with other readers only.
    unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), tensor.numel()) }
}
