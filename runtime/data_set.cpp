#include "runtime/data_set.h"

#include "runtime/failure.h"

#include <fmt/core.h>

#include <algorithm>

namespace nnc {
Data Data::open(std::string const& words, std::string const& folder) {
  return guarded(Sources{}, [&] {
    std::optional<std::filesystem::path> place;
    if (!folder.empty()) place = folder;
    auto contents = std::make_shared<DataContents>();
    contents->set = coded(Code::data, [&] { return load_dataset(words, place); });
    contents->summary = contents->set.summary();
    return Inside::data(std::move(contents));
  });
}

std::vector<std::string> Data::built_in() { return builtin_datasets(); }

std::string const& Data::name() const { return contents_->set.name; }
std::string Data::summary() const { return contents_->summary; }
std::string const& Data::note() const { return contents_->set.note; }
std::int64_t Data::train_examples() const { return contents_->set.train.examples; }
std::int64_t Data::test_examples() const { return contents_->set.test.examples; }
std::vector<std::string> const& Data::files() const { return contents_->set.files; }

namespace {

Type example_type(HostTensor const& column) {
  Type type{column.dtype(), {}};
  for (size_t axis = 1; axis < column.shape().size(); ++axis) type.shape.emplace_back(column.shape()[axis]);
  return type;
}

bool fits(HostTensor const& column, Type const& input) {
  if (column.dtype() != input.dtype || column.shape().size() != input.shape.size()) return false;
  if (input.shape.empty() || input.shape[0] != Dim(Symbol::batch)) return false;
  for (size_t axis = 1; axis < input.shape.size(); ++axis)
    if (input.shape[axis].constant() != column.shape()[axis]) return false;
  return true;
}

NamedTensor const* named(Split const& split, std::string const& name) {
  for (auto const& column : split.columns)
    if (column.name == name) return &column;
  return nullptr;
}

std::string list_of_columns(Split const& split) {
  std::string text;
  for (auto const& column : split.columns)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", column.name, column.tensor.type_text());
  return text;
}

[[noreturn]] void does_not_fit(BoundInput const& input, NamedTensor const* column, Split const& split,
                               std::string const& set_name) {
  Diagnostic problem;
  problem.message = column ? fmt::format("input '{}' expects {}, the column '{}' of {} has {}", input.name,
                                         input.type.text(), column->name, set_name, column->tensor.type_text())
                           : fmt::format("{} has no column for the {} '{}'", set_name,
                                         input.is_target ? "target" : "input", input.name);
  problem.help = fmt::format("{} has the columns {}", set_name, list_of_columns(split));
  throw Error(problem);
}

} // namespace

std::vector<Column> columns_of(Split const& split) {
  std::vector<Column> columns;
  for (auto const& column : split.columns) columns.push_back({column.name, example_type(column.tensor)});
  return columns;
}

std::vector<NamedTensor const*> bind_columns(CompiledProgram const& program, Split const& split,
                                             std::string const& set_name, bool targets) {
  auto const& inputs = program.inputs();
  std::vector<NamedTensor const*> bound(inputs.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i) {
    bound[i] = named(split, inputs[i].column);
    if (!bound[i]) bound[i] = named(split, inputs[i].name);
  }
  auto const is_free = [&](NamedTensor const& column) {
    return std::find(bound.begin(), bound.end(), &column) == bound.end();
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!bound[i]) {
      auto const next = std::find_if(split.columns.begin(), split.columns.end(), is_free);
      if (next != split.columns.end()) bound[i] = &*next;
    }
    bool const needed = targets || !inputs[i].is_target;
    if (!bound[i] ? needed : !fits(bound[i]->tensor, inputs[i].type)) {
      if (!needed) bound[i] = nullptr;
      else does_not_fit(inputs[i], bound[i], split, set_name);
    }
  }
  return bound;
}

} // namespace nnc
