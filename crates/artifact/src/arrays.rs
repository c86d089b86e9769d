//! Arrow IPC files: uncompressed, so that readers can map them into memory without a copy.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::writer::FileWriter;
use arrow::ipc::{Block, root_as_footer};
use memmap2::Mmap;

use crate::{ArtifactError, Result, catch_panics, schema};

/// Bytes at the end of an IPC file: the length of the footer and the magic number.
const TRAILER: usize = 10;

/// Writes record batches as one Arrow IPC file.
///
/// # Errors
/// A batch has other columns, or the file cannot be written.
pub fn write_arrays(
    path: &Path,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = RecordBatch>,
) -> Result<u64> {
    let failed = ArtifactError::table("write", path);
    let file = File::create(path).map_err(ArtifactError::io("create", path))?;
    let mut writer = FileWriter::try_new_buffered(file, schema).map_err(&failed)?;
    let mut rows = 0;
    for batch in batches {
        rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(&failed)?;
    }
    writer.finish().map_err(&failed)?;
    Ok(rows)
}

/// Maps an Arrow IPC file, checks its columns, and returns all batches in order. Their buffers are the mapped pages;
/// nothing is copied.
///
/// # Errors
/// The file cannot be mapped, is not an IPC file or has other columns, or a batch does not match the columns. A length
/// that points outside the file is an error.
pub fn map_arrays(path: &Path, expected: &SchemaRef) -> Result<Vec<RecordBatch>> {
    let file = File::open(path).map_err(ArtifactError::io("read", path))?;
    // SAFETY: artifacts are only replaced by a rename and never modified, so the mapped pages do not change while the
    // map exists.
    let map = unsafe { Mmap::map(&file) }.map_err(ArtifactError::io("map", path))?;
    let damaged = |reason: &str| ArtifactError::damaged(path, reason);
    let failed = ArtifactError::table("read", path);

    let length = map.len();
    let inside = |start: Option<usize>, problem: &str| start.ok_or_else(|| damaged(problem));
    let trailer = length.checked_sub(TRAILER);
    let trailer = inside(trailer, "it is too short for an Arrow file")?;
    let closing = map[trailer..].try_into().expect("ten bytes were cut off");
    let footer_length = read_footer_length(closing).map_err(&failed)?;
    let start = trailer.checked_sub(footer_length);
    let start = inside(start, "its footer starts before the file")?;
    let footer =
        root_as_footer(&map[start..trailer]).map_err(|error| damaged(&error.to_string()))?;
    let schema = footer.schema();
    let schema = schema.ok_or_else(|| damaged("its footer has no schema"))?;
    let found =
        catch_panics(ArrowError::ExternalError, || try_fb_to_schema(schema)).map_err(&failed)?;
    schema::check(path, expected, &found)?;

    let decoder = FileDecoder::new(Arc::new(found), footer.version());
    let blocks = footer.recordBatches();
    let blocks: Vec<Block> = blocks.iter().flatten().copied().collect();
    let buffer = to_buffer(map);
    let mut batches = Vec::with_capacity(blocks.len());
    for block in &blocks {
        let (start, length) = block_range(block, buffer.len())
            .ok_or_else(|| damaged("a batch is outside the file"))?;
        let data = buffer.slice_with_length(start, length);
        let read = || decoder.read_record_batch(block, &data);
        let batch = catch_panics(ArrowError::ExternalError, read);
        batches.extend(batch.map_err(&failed)?);
    }
    Ok(batches)
}

/// The map as a buffer, which keeps the map alive.
fn to_buffer(map: Mmap) -> Buffer {
    let map = Arc::new(map);
    let pointer = std::ptr::NonNull::from(&map[..]).cast::<u8>();
    let length = map.len();
    // SAFETY: the pointer and length belong to the map, which the buffer owns.
    unsafe { Buffer::from_custom_allocation(pointer, length, map) }
}

fn block_range(block: &Block, file_length: usize) -> Option<(usize, usize)> {
    let start = usize::try_from(block.offset()).ok()?;
    let metadata = usize::try_from(block.metaDataLength()).ok()?;
    let body = usize::try_from(block.bodyLength()).ok()?;
    let length = metadata.checked_add(body)?;
    let end = start.checked_add(length)?;
    (end <= file_length).then_some((start, length))
}

#[cfg(test)]
mod tests;
