//! The commented pipeline file.

use std::path::{Path, PathBuf};

use artifact::format;
use toml::{Table, Value};
use whatlang::Lang;

use crate::encoder::{Encoder, FoundEncoder};
use crate::machine::Machine;
use crate::models::ModelChoice;
use crate::questions::Decisions;
use crate::text_statistics::Lengths;

/// Share of the texts from which a further language is mentioned; single texts are often recognised wrongly.
const MIN_LANGUAGE_SHARE: f64 = 0.03;

/// Maximum length of a line of comments.
const WIDTH: usize = 110;

/// Number of texts with a clear language from which shares are stated.
const MIN_CLEAR_TEXTS: usize = 20;

/// Everything that the file states.
#[derive(Debug)]
pub(crate) struct PipelineFile<'a> {
    /// The files as named by the user.
    pub(crate) files: String,
    /// Value of `ingest.source`.
    pub(crate) source: Value,
    /// Name for people.
    pub(crate) name: String,
    /// Folder of the artifacts.
    pub(crate) artifacts: String,
    pub(crate) schema: Option<PathBuf>,
    /// Counts of the rows.
    pub(crate) summary: String,
    /// Columns with their reasons.
    pub(crate) columns: &'a [(&'static str, String, String)],
    pub(crate) decisions: &'a Decisions,
    pub(crate) languages: (Vec<(Lang, f64)>, usize),
    pub(crate) is_unspaced: bool,
    pub(crate) lengths: Lengths,
    pub(crate) max_length: u32,
    pub(crate) vocabulary: u64,
    pub(crate) encoder: &'a FoundEncoder,
    pub(crate) models: &'a [ModelChoice],
    pub(crate) machine: Machine,
    pub(crate) minutes: f64,
}

impl PipelineFile<'_> {
    /// The content of the file.
    pub(crate) fn render(&self) -> String {
        let mut body = Lines::default();
        self.push_reviews(&mut body);
        self.push_tokenizer(&mut body);
        self.push_models(&mut body);
        let height = self.head(0, &body).count();
        self.head(height, &body).text + &body.text
    }

    /// The lines above the first table. `height` is their number, for the numbers of the lines to change.
    fn head(&self, height: usize, body: &Lines) -> Lines {
        let mut head = Lines::default();
        if let Some(schema) = &self.schema {
            head.push(format!("#:schema {}", schema.display()));
        }
        let files = &self.files;
        head.comment(&format!("Pipeline for {files}, written by `ressenti new`."));
        head.comment(&self.summary);
        let (questions, remarks) = (&self.decisions.questions, &self.decisions.remarks);
        if !questions.is_empty() {
            head.comment("");
            head.comment("TO ANSWER. Until then, no command uses this file.");
        }
        for (number, question) in questions.iter().enumerate() {
            let line = height + body.questions[number] + 1;
            head.comment(&format!("{}. Line {line}:", number + 1));
            for text in [&question.text].into_iter().chain(&question.details) {
                head.comment(&format!("   {text}"));
            }
        }
        if !remarks.is_empty() {
            head.comment("");
            head.comment("PLEASE CHECK");
        }
        for remark in remarks {
            head.comment(&format!("- {remark}"));
        }
        head
    }

    fn push_reviews(&self, out: &mut Lines) {
        let name = Value::from(self.name.as_str());
        out.push(format!("\n[pipeline]\nname = {name}"));
        out.push("seed = 1                 # for the split, the initial weights, the order of reviews and dropout".to_owned());
        let artifacts = Value::from(self.artifacts.as_str());
        out.push(format!("artifacts = {artifacts}  # folder for everything generated; paths are relative to this file\n"));
        out.comment("--- Reviews ---");
        for (role, column, reason) in self.columns {
            out.comment(&format!("{role}: `{column}` ({reason})"));
        }
        out.push("[ingest]".to_owned());
        out.push(format!("source = {}", self.source));
        self.push_ingest(out);
        out.push("\n[clean]".to_owned());
        let languages = self.describe_languages();
        out.push(format!("languages = []           # {languages}"));
        out.push("split = { test = 0.2, validation = 0.1 }  # by a hash of the text, so it is stable when reviews are added\n".to_owned());
    }

    /// The settings of `[ingest]`: open ones last, tables at the end, because their answers may have headers.
    fn push_ingest(&self, out: &mut Lines) {
        let questions = &self.decisions.questions;
        let of_setting = |path: &str| -> Vec<_> {
            let is_of = |setting: &str| setting == path || setting.split('.').next() == Some(path);
            let numbered = questions.iter().enumerate();
            numbered.filter(|(_, it)| is_of(it.setting)).collect()
        };
        let mut settings = flatten(&self.decisions.ingest);
        settings.retain(|(path, _)| path != "source");
        settings.sort_by_key(|(path, _)| {
            let is_table = !path.contains('.') && path != "columns";
            (!of_setting(path).is_empty()).then_some(is_table)
        });
        for (path, value) in settings {
            let open = of_setting(&path);
            open.iter().for_each(|(number, _)| out.open(*number));
            out.push(format!("{path} = {value}"));
            open.iter().for_each(|(_, it)| out.answers(&it.answers));
        }
    }

    fn describe_languages(&self) -> String {
        let (languages, clear) = &self.languages;
        if *clear < MIN_CLEAR_TEXTS {
            let unknown =
                "keeps all; the texts are too few or too short to recognise their language";
            return unknown.to_owned();
        }
        let is_common = |(_, share): &&(Lang, f64)| *share >= MIN_LANGUAGE_SHARE;
        let describe = |(lang, share): &(Lang, f64)| {
            format!("{} ({})", lang.eng_name(), format::percent(*share))
        };
        let shown = languages.iter().filter(is_common).map(describe);
        let shown: Vec<String> = shown.collect();
        let first = languages.first().map_or("", |(lang, _)| lang.code());
        match shown.len() {
            0 | 1 => format!("keeps all; {}", shown.join("")),
            _ => format!(
                "keeps all: {} of {} whose language is clear. [\"{first}\"] keeps one language: models are better per language",
                shown.join(", "),
                format::plural(*clear as u64, "text", "texts"),
            ),
        }
    }

    fn push_tokenizer(&self, out: &mut Lines) {
        out.comment("--- Tokenizers and embeddings ---");
        let (median, most) = (self.lengths.quantile(0.5), self.lengths.quantile(0.95));
        let longest = self.lengths.quantile(1.0);
        let about = if self.is_unspaced { "about " } else { "" };
        out.comment(&format!(
            "Lengths of the texts: median {about}{median} tokens, 95% have at most {about}{most}, the longest has {about}{longest}."
        ));
        let kind = match self.is_unspaced {
            true => "\"bpe\"             # no spaces between words: `word` would see whole clauses",
            false => "\"word\"            # or bpe, wordpiece, unigram, pretrained",
        };
        let (length, longer) = (self.max_length, self.lengths.share_longer(self.max_length));
        let share = format::percent(longer);
        out.push(format!("[tokenizer.words]\nkind = {kind}"));
        out.push(format!("vocabulary_size = {}", self.vocabulary));
        out.push(format!("max_length = {length}          # tokens; {share} of the reviews are longer and are truncated"));
        out.push("truncation = \"head_tail\"  # of a long review, the beginning and the end: reviews often end with a conclusion\n".to_owned());
        let mut active = self.models.iter().filter(|it| it.is_active());
        let has_network = active.any(|it| it.kind.lines.contains("random"));
        out.block(
            !has_network,
            "[embedding.random]       # random vectors, learned together with the model\nkind = \"random\"\n\
             tokenizer = \"words\"\nwidth = 100\n",
        );
        match self.encoder {
            FoundEncoder::Fits(encoder) => self.push_encoder(out, encoder),
            FoundEncoder::OtherLanguage(folder) => {
                out.comment(&format!("The encoder in {} splits these texts into too many pieces: it was made for another language.", folder.display()));
                self.push_fetch(out);
            }
            FoundEncoder::None => {
                out.comment("No pretrained encoder was found on this machine.");
                self.push_fetch(out);
            }
        }
    }

    /// How to add an encoder.
    fn push_fetch(&self, out: &mut Lines) {
        let language = self.languages.0.first();
        let repository = match language.is_none_or(|(lang, _)| *lang == Lang::Eng) {
            true => "all-MiniLM-L6-v2",
            false => "paraphrase-multilingual-MiniLM-L12-v2",
        };
        out.comment("Models with an encoder are often the best. To add them:");
        let command = format!("  ressenti fetch sentence-transformers/{repository}");
        out.comment(&command);
        out.comment("and write this file again with `--force`.");
        out.push(String::new());
    }

    fn push_encoder(&self, out: &mut Lines, encoder: &Encoder) {
        let is_used = |it: &&ModelChoice| it.is_active() && it.kind.is_pretrained;
        let active = self.models.iter().filter(is_used).map(|it| it.kind.name);
        let active: Vec<&str> = active.collect();
        let (folder, length) = (&encoder.folder, encoder.max_length());
        let path = |path: &Path| Value::from(path.to_string_lossy().as_ref());
        let share = format::percent(encoder.lengths.share_longer(length));
        let (tokenizer, folder) = (path(&folder.join("tokenizer.json")), path(folder));
        out.block(active.is_empty(), &format!(
            "[tokenizer.encoder]      # the tokenizer of the pretrained encoder\nkind = \"pretrained\"\nsource = {tokenizer}\n\
             max_length = {length}          # {share} of the reviews are longer; encoders allow 512 or less\n\
             truncation = \"head_tail\"\n\n\
             [embedding.encoder]\nkind = \"encoder\"\ntokenizer = \"encoder\"\nsource = {folder}\n"
        ));
        out.block(
            !active.contains(&"probe"),
            "[embedding.states]       # states of the frozen encoder, computed once for each review\nkind = \"features\"\n\
             encoder = \"encoder\"\nfeatures = { layers = [-1, -2, -3, -4], pooling = [\"mean\", \"cls\", \"max\"] }\n",
        );
    }

    fn push_models(&self, out: &mut Lines) {
        out.comment("--- Models ---");
        let (cores, machine) = (self.machine.cores as u64, self.machine);
        let cores = format::plural(cores, "core", "cores");
        let gpu = match machine.has_gpu {
            true => "; a GPU is faster",
            false => "",
        };
        out.comment(&format!(
            "Times are estimates for {cores}, from rates measured on another machine{gpu}. The models that fit into {} min together \
             (`--minutes`) are active. To add another one, remove the `# ` before its lines and those of its embedding, and name it \
             in the ensemble.",
            self.minutes
        ));
        out.push("[training]               # for all networks\nepochs = 10\nbatch_size = 32\nlearning_rate = 2e-3\npatience = 2             # stops after 2 epochs without a lower validation loss\n".to_owned());
        for model in self.models {
            let (kind, time) = (model.kind, model.describe());
            let (name, description, lines) = (kind.name, kind.description, kind.lines);
            let lines = format!("[model.{name}]  # {description}: {time}\n{lines}\n");
            out.block(!model.is_active(), &lines);
        }
        let active = self.models.iter().filter(|it| it.is_active());
        let names: Vec<String> = active.map(|it| format!("\"{}\"", it.kind.name)).collect();
        if names.len() > 1 {
            out.push(format!("[ensemble.together]      # all models combined, with weights fitted on validation\nmodels = [{}]\n", names.join(", ")));
        }
        out.push("[evaluation]\nfolds = 10               # for linear models: cross-fitting gives trends more accurate error rates".to_owned());
    }
}

/// The settings of a table: nested tables other than those of columns, labels and ratings as dotted names.
fn flatten(table: &Table) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, value) in table {
        match value.as_table().filter(|_| name == "timestamp") {
            Some(inner) => {
                let inner = flatten(inner).into_iter();
                found.extend(inner.map(|(rest, value)| (format!("{name}.{rest}"), value)));
            }
            None => found.push((name.clone(), value.clone())),
        }
    }
    found
}

/// Lines of the file.
#[derive(Default)]
struct Lines {
    text: String,
    /// For each question, the index of its line.
    questions: Vec<usize>,
}

impl Lines {
    fn count(&self) -> usize {
        self.text.matches('\n').count()
    }

    fn push(&mut self, lines: String) {
        self.text.push_str(&lines);
        self.text.push('\n');
    }

    /// A comment. Long ones are wrapped, and control characters in names of columns become spaces.
    fn comment(&mut self, text: &str) {
        let text = text.replace(char::is_control, " ");
        let indent = text.len() - text.trim_start().len();
        let mut line = " ".repeat(indent);
        for word in text.split_whitespace() {
            if line.len() + word.len() > WIDTH && line.len() > indent {
                self.push(format!("# {}", line.trim_end()));
                line = " ".repeat(indent.max(2));
            }
            line += word;
            line.push(' ');
        }
        self.push(format!("# {line}").trim_end().to_owned());
    }

    /// Lines that are comments if they are not active.
    fn block(&mut self, is_comment: bool, lines: &str) {
        for line in lines.lines() {
            let mark = match is_comment && !line.is_empty() {
                true => "# ",
                false => "",
            };
            self.push(format!("{mark}{line}"));
        }
        self.push(String::new());
    }

    /// The next line is that of a question.
    fn open(&mut self, number: usize) {
        let (line, known) = (self.count(), self.questions.len());
        self.questions.resize(known.max(number + 1), line);
        self.questions[number] = line;
    }

    fn answers(&mut self, answers: &[String]) {
        self.comment("Replace the line above by the answer, for example by:");
        // Not wrapped: they are lines to copy.
        answers.iter().for_each(|it| self.push(format!("# {it}")));
    }
}
