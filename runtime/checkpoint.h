// Checkpoints: everything that a training needs to go on to the same bits, as one safetensors file.
//
// Tensors stand under the names that they have in the program: "dense.weight", "batch_norm.mean", "m/dense.weight". The
// metadata say which of them are no parameters, and where the training stood. All random bits come from the seed and
// the step, so these two are the random state.
//
//   format       "nnc"         version   "1"
//   step epoch offset seed     as decimal numbers; `offset` may be absent
//   states carried optimizer   JSON lists of names; `carried` may be absent
//   encodings                  JSON of what the columns mean that it was trained on; may be absent
//   program.KEY                what identifies the training (Checkpoint::notes, runtime/identity.h)
//
// A safetensors file from elsewhere has none of this: all its tensors are parameters, and the training is at its start.
#pragma once

#include "runtime/data/encoding.h"
#include "runtime/tensor.h"

#include <filesystem>
#include <map>

namespace nnc {

// Texts by keys.
using Facts = std::map<std::string, std::string>;

struct Checkpoint {
  std::vector<NamedTensor> parameters, states, optimizer;
  std::vector<NamedTensor> carried; // of the pass over the data that it is in the middle of
  i64 step = 0;                     // updates that were made
  i64 epoch = 0;                    // epochs that were finished
  std::optional<i64> offset;        // steps of the running epoch that were made; nothing: an old file does not say
  u64 seed = 0;
  Facts notes;
  Encodings encodings; // of the data that it was trained on
  bool can_resume = false; // written by nnc, with what --resume needs
};

void save_checkpoint(std::filesystem::path const&, Checkpoint const&);
Checkpoint load_checkpoint(std::filesystem::path const&);
// What a checkpoint says of the data that it was trained on; nothing, where it says nothing. Reads no tensor.
Encodings encodings_of_checkpoint(std::filesystem::path const&);
// The bytes of the same file, and a checkpoint that copies them; `name` is what errors call them.
std::string checkpoint_bytes(Checkpoint const&);
Checkpoint parse_checkpoint(std::string_view bytes, std::string const& name);

// SHA-256 over parameters in the order of their names: for each its name, a newline, its type, a newline, its bytes.
std::string digest(std::vector<NamedTensor> const& parameters);

} // namespace nnc
