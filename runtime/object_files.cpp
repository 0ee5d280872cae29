// An object file of a program, with weights if there are any, and the header that goes with it.
#include "codegen/header/face.h"
#include "codegen/header/header.h"
#include "runtime/checkpoint.h"
#include "runtime/environment.h"
#include "runtime/failure.h"
#include "runtime/program.h"
#include "runtime/weights_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace nnc {
namespace {

std::string file_of(CompiledProgram const& program) {
  return std::filesystem::path(program.sources().name(program.at().file)).filename().string();
}

// "train mlp" and "model mlp" give mlp; a module has the name of its file.
std::string prefix_of(CompiledProgram const& program, std::string const& asked) {
  if (!asked.empty()) {
    if (is_c_word(asked)) return asked;
    throw Error(Diagnostic{.message = fmt::format("the prefix '{}' is no name of C", asked),
                           .help = fmt::format("'{}' would be one", c_word(asked)),
                           .code = Code::argument});
  }
  auto const& summary = program.summary();
  bool const named = summary.starts_with("train ") || summary.starts_with("model ");
  if (named) return c_word(std::string_view(summary).substr(6));
  return c_word(std::filesystem::path(file_of(program)).stem().string());
}

// The tensors of a block as C lays them out.
std::vector<u8> packed(CBlock const& block, std::span<NamedTensor const> tensors) {
  auto const layout = layout_of(block);
  std::vector<u8> bytes(static_cast<size_t>(layout.bytes));
  for (size_t i = 0; i < block.members.size(); ++i) {
    auto const from = tensors[i].tensor.bytes();
    if (!from.empty()) std::memcpy(bytes.data() + layout.offsets[i], from.data(), from.size());
  }
  return bytes;
}

using Data = std::vector<std::pair<std::string, std::vector<u8>>>;

// A file from elsewhere does not say which of its tensors are states.
Data weights_of(Module const& module, std::string const& file, std::vector<std::string> const& rename) {
  if (!has_face(module))
    throw Error(Code::argument, "weights go into objects of whole programs; this module has functions of its own");
  auto const face = face_of(module);
  if (face.parameters.empty())
    throw Error(Code::argument, "the program has no parameters, so there is nothing to load");
  auto const checkpoint = coded(Code::data, [&] { return renamed(load_checkpoint(file), rename, file); });
  std::vector<NamedTensor> surplus, given = checkpoint.parameters;
  for (auto const& one : checkpoint.parameters)
    if (!face.parameters.find(one.name) && !face.states.find(one.name)) surplus.push_back(one);
  given.insert(given.end(), checkpoint.states.begin(), checkpoint.states.end());
  std::vector<Wanted> wanted;
  for (auto const* block : {&face.parameters, &face.states})
    for (auto const& member : block->members) {
      std::vector<i64> shape;
      for (auto const& dim : member.type.shape) shape.push_back(dim.constant().value());
      wanted.push_back({member.name, member.type.dtype, shape});
    }
  auto const tensors = fitted(wanted, given, surplus, file);
  auto const parameters = face.parameters.members.size();
  Data data{{"weights", packed(face.parameters, tensors)}};
  if (!face.states.empty())
    data.emplace_back("weight_states", packed(face.states, std::span(tensors).subspan(parameters)));
  return data;
}

std::string one_batch_words(CompiledProgram const& program) {
  for (auto const& constant : program.constants())
    if (constant.name == "batch") return constant.what;
  return {};
}

ObjectFiles files_of(CompiledProgram const& program, ObjectOptions const& options) {
  auto const& module = program.module();
  auto const prefix = prefix_of(program, options.prefix);
  FileSymbols symbols;
  if (!options.weights.empty()) symbols.data = weights_of(module, options.weights, options.rename);
  auto const file = file_of(program);
  HeaderOptions header{.prefix = prefix,
                       .title =
                           fmt::format("made by nnc of {} for {}, {}", file, module.target->triple, module.target->cpu),
                       .one_batch_words = one_batch_words(program)};
  for (auto const& [name, bytes] : symbols.data) (name == "weights" ? header.has_weights : header.has_states) = true;
  auto const made = header_of(module, header);
  symbols.interface_number = made.interface_number;
  return {program.main().object({.parts = 1, .prefix = prefix, .file = std::move(symbols)}), made.text};
}

} // namespace

ObjectFiles Program::emit_object(ObjectOptions const& options) const {
  return guarded(*compiled_,
                 [&] { return with_stack(stack_of_compiler, [&] { return files_of(*compiled_, options); }); });
}

} // namespace nnc
