//! Features: the states of a pretrained encoder for every review, computed once for all models that use them.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use artifact::{
    Artifact, ArtifactError, Contract, Digest, Failure, OutputFile, Split, StageName, format,
};
use classifier::{
    BatchProgress, ChosenDevice, ClassifierError, IdRows, Inference, LIBTORCH_VERSION, MemoryLimit,
    Network, Replica, SHARD_ROWS, TokenContract, TokenRows, batches_of_tokens, choose_device,
    shard_name, write_shard,
};
use settings::{ENCODER_FILES, EmbeddingSettings, FeatureSettings};
use stage::{Context, Outcome};

use crate::encoder::check_tokenizer;

/// Tokens in a batch on a CPU, including padding: the states of a layer must fit into its cache.
const CPU_TOKENS: usize = 1024;

/// Tokens in a batch on a GPU, including padding: enough to use it fully. Batches that do not fit into its memory are
/// made smaller, see [`MemoryLimit`].
const GPU_TOKENS: usize = 1 << 17;

/// Computes features with a pretrained encoder.
struct FeatureExtractor {
    network: Network,
    replicas: Vec<Replica>,
    device: ChosenDevice,
    memory: MemoryLimit,
    pad_id: u32,
    /// The resume directory, with the finished shards.
    folder: PathBuf,
}

/// Computes the features of all labelled reviews.
pub(crate) fn compute(context: &Context, settings: &EmbeddingSettings) -> Result<Outcome, Failure> {
    let features = settings.features.clone().unwrap_or_default();
    let tokens = context.input(StageName::Tokenize);
    let encoder = context.input(StageName::Embed);
    let contract = TokenContract::of(tokens)?;
    let Contract::Encoder { tokenizer, .. } = encoder.manifest().contract else {
        let path = encoder.folder().join(artifact::MANIFEST_NAME);
        let reason = "it is not the manifest of an encoder";
        return Err(ArtifactError::damaged(&path, reason).into());
    };
    check_tokenizer(encoder.folder(), tokenizer, contract.tokenizer)?;
    let mut extractor = FeatureExtractor::new(context, encoder, &features, &contract)?;
    let open = |split| TokenRows::open(tokens, split).map(|rows| (split, rows));
    let rows = Split::LABELLED.into_iter().map(open);
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let total: usize = rows.iter().map(|(_, rows)| rows.len()).sum();
    let progress = context.progress();
    let task = progress.task("computing features", Some(total as u64), "reviews");
    let mut files = Vec::new();
    let mut resumed = 0;
    let clock = std::time::Instant::now();
    for (split, rows) in &rows {
        for first in (0..rows.len()).step_by(SHARD_ROWS) {
            let span = first..(first + SHARD_ROWS).min(rows.len());
            let count = span.len();
            let name = shard_name(*split, first / SHARD_ROWS);
            if extractor.has_shard(&name) {
                resumed += count;
                task.advance(count as u64);
            } else {
                extractor.write_shard(&name, rows, span, &|rows| {
                    task.advance(rows);
                    ControlFlow::Continue(())
                })?;
                if let Some(note) = extractor.memory.take_note() {
                    progress.note(&note);
                }
            }
            link_or_copy(&extractor.folder.join(&name), &context.output().join(&name))?;
            files.push(OutputFile::table(name, count as u64));
        }
    }
    drop(task);
    let speed = (total - resumed) as f64 / clock.elapsed().as_secs_f64();
    for name in ENCODER_FILES {
        link_or_copy(&encoder.file(name)?, &context.output().join(name))?;
        files.push(OutputFile::data(name));
    }
    let width = extractor.network.state_width();
    let contract = Contract::Features {
        tokenizer: contract.tokenizer,
        width: u32::try_from(width).unwrap_or(u32::MAX),
        max_length: contract.max_length,
        classes: contract.classes,
    };
    let mut reused = String::new();
    if resumed > 0 {
        let reviews = format::plural(resumed as u64, "review", "reviews");
        reused = format!(" ({reviews} from an interrupted run)");
    }
    let values = format::count(width as u64);
    let reviews = format::plural(total as u64, "review", "reviews");
    let summary = format!("{values} features of {reviews}{reused}, {speed:.0} reviews/s");
    Ok(Outcome {
        device: Some(extractor.device.describe()),
        versions: vec![("libtorch".to_owned(), LIBTORCH_VERSION.to_owned())],
        ..Outcome::new(contract, files, summary)
    })
}

impl FeatureExtractor {
    fn new(
        context: &Context,
        encoder: &Artifact,
        features: &FeatureSettings,
        contract: &TokenContract,
    ) -> Result<Self, Failure> {
        let device = choose_device(context.run())?;
        let (kind, reason) = device.activation_kind(features.precision);
        let progress = context.progress();
        progress.note(&format!("device: {}", device.describe()));
        let name = ChosenDevice::kind_name(kind);
        progress.note(&format!("states: {name} ({reason}), features: f32"));
        let classes = contract.classes.len() as u32;
        let pretrained = Network::frozen(features, encoder.folder(), classes)?;
        let replicas = ClassifierError::catch("load the encoder", || {
            let weights = pretrained.weights(device.device);
            let replica = |_| Replica::new(&pretrained.network, &weights, kind);
            Ok((0..device.replicas).map(replica).collect())
        })?;
        Ok(Self {
            network: pretrained.network,
            replicas,
            device,
            memory: MemoryLimit::default(),
            pad_id: contract.pad_id,
            folder: context.resume_directory()?.to_owned(),
        })
    }

    /// Whether an earlier run has written this shard completely: its digest must be that in the file next to it, which
    /// is written after the shard.
    fn has_shard(&self, name: &str) -> bool {
        let path = self.folder.join(name);
        let expected = fs::read_to_string(path.with_extension("digest"));
        let found = Digest::of_file(&path);
        matches!((expected, found), (Ok(expected), Ok(found)) if expected == found.to_hex())
    }

    fn write_shard(
        &mut self,
        name: &str,
        rows: &TokenRows,
        span: std::ops::Range<usize>,
        progress: &BatchProgress<'_>,
    ) -> Result<(), Failure> {
        let inference = Inference {
            network: &self.network,
            rows,
            pad_id: self.pad_id,
            device: self.device.device,
            memory: &self.memory,
            progress,
        };
        let is_cuda = self.device.device.is_cuda();
        let most_tokens = if is_cuda { GPU_TOKENS } else { CPU_TOKENS };
        let tokens = most_tokens.min(self.memory.tokens());
        let batches = batches_of_tokens(rows, span.clone(), tokens);
        let first = span.start;
        let values = inference.states(&mut self.replicas, &batches, span)?;
        let path = self.folder.join(name);
        let width = self.network.state_width() as usize;
        write_shard(&path, rows, first, width, values)?;
        artifact::sync(&path)?;
        let digest = Digest::of_file(&path).map_err(ArtifactError::io("read", &path))?;
        let digest_file = path.with_extension("digest");
        fs::write(&digest_file, digest.to_hex())
            .map_err(ArtifactError::io("write", &digest_file))?;
        Ok(())
    }
}

/// Creates a hard link, or copies the file if the file system has no hard links.
fn link_or_copy(from: &Path, to: &Path) -> Result<(), Failure> {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).map_err(ArtifactError::io("write", to))?;
    }
    Ok(())
}
