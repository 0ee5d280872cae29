// An object file of a program, with weights if there are any, and the header that goes with it.
#include "codegen/header/face.h"
#include "codegen/header/header.h"
#include "runtime/checkpoint.h"
#include "runtime/environment.h"
#include "runtime/failure.h"
#include "runtime/program.h"

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
std::vector<u8> packed(CBlock const& block, std::vector<NamedTensor> const& tensors, std::string const& file) {
  auto const layout = layout_of(block);
  std::vector<u8> bytes(static_cast<size_t>(layout.bytes));
  for (size_t i = 0; i < block.members.size(); ++i) {
    auto const& member = block.members[i];
    auto const* found = named(tensors, member.name);
    if (!found) throw Error(Code::data, fmt::format("{} has no '{}', which the program needs", file, member.name));
    auto const have = found->tensor.type_text(), want = member.type.text();
    if (have != want)
      throw Error(Code::data, fmt::format("{}: '{}' is {}, the program has {}", file, member.name, have, want));
    auto const from = found->tensor.bytes();
    if (!from.empty()) std::memcpy(bytes.data() + layout.offsets[i], from.data(), from.size());
  }
  return bytes;
}

using Data = std::vector<std::pair<std::string, std::vector<u8>>>;

// A file from elsewhere does not say which of its tensors are states.
Data weights_of(Module const& module, std::string const& file) {
  if (!has_face(module))
    throw Error(Code::argument, "weights go into objects of whole programs; this module has functions of its own");
  auto const face = face_of(module);
  if (face.parameters.empty())
    throw Error(Code::argument, "the program has no parameters, so there is nothing to load");
  auto const checkpoint = coded(Code::data, [&] { return load_checkpoint(file); });
  auto const& states = checkpoint.can_resume ? checkpoint.states : checkpoint.parameters;
  for (auto const& given : checkpoint.parameters)
    if (!face.parameters.find(given.name) && !face.states.find(given.name))
      throw Error(Code::data, fmt::format("{} has '{}', which the program has not", file, given.name));
  Data data{{"weights", packed(face.parameters, checkpoint.parameters, file)}};
  if (!face.states.empty()) data.emplace_back("weight_states", packed(face.states, states, file));
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
  if (!options.weights.empty()) symbols.data = weights_of(module, options.weights);
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
