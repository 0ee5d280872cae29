#include "runtime/data_set.h"

#include "runtime/checkpoint.h"
#include "runtime/data/decoded.h"
#include "runtime/data/spec.h"
#include "runtime/failure.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace nnc {
namespace {

DType dtype_of_column(std::string const& column, std::string const& dtype) {
  auto const found = dtype_named(dtype);
  if (found) return *found;
  throw Error(fmt::format("the column '{}' has elements of type '{}', expected one of f64, f32, f16, bf16, i64, i32, "
                          "i8, u8, bool",
                          column, dtype));
}

void expect_new(std::vector<NamedTensor> const& columns, std::string const& name) {
  if (name.empty()) throw Error("a column without a name");
  for (auto const& column : columns)
    if (column.name == name) throw Error(fmt::format("the column '{}' is given twice", name));
}

// The caller's memory as a tensor, once it is known to be one.
HostTensor tensor_of(Column const& column) {
  auto const dtype = dtype_of_column(column.name, column.dtype);
  if (column.shape.size() > 1 && column.shape[0] == -1) // as nnc::column says it
    throw Error(fmt::format("the column '{}' holds no whole number of examples of the shape [{}]", column.name,
                            fmt::join(std::span(column.shape).subspan(1), ",")));
  if (column.shape.empty() || std::ranges::any_of(column.shape, [](auto extent) { return extent < 0; }))
    throw Error(fmt::format("the column '{}' has the shape [{}], expected examples first and no extent below 0",
                            column.name, fmt::join(column.shape, ",")));
  auto const size = size_or_error(dtype, column.shape, fmt::format("the column '{}'", column.name));
  auto const width = static_cast<std::uintptr_t>(bytes(dtype));
  if (!column.data && size > 0) throw Error(fmt::format("the column '{}' is a null pointer", column.name));
  if (reinterpret_cast<std::uintptr_t>(column.data) % width != 0)
    throw Error(fmt::format("the column '{}' is not aligned to the {} bytes of its elements", column.name, width));
  return HostTensor::view(dtype, column.shape, {static_cast<u8 const*>(column.data), size}, column.owner);
}

Split split_of(std::vector<Column> const& columns) {
  Split split;
  for (auto const& column : columns) {
    expect_new(split.columns, column.name);
    split.columns.push_back({column.name, tensor_of(column)});
    i64 const examples = column.shape[0];
    if (split.columns.size() > 1 && examples != split.examples)
      throw Error(fmt::format("the column '{}' has {} examples, and '{}' has {}", column.name, examples,
                              columns[0].name, split.examples));
    split.examples = examples;
  }
  return split;
}

// An example of a column is the same in both splits.
void expect_same_examples(Split const& train, Split const& test) {
  for (auto const& column : test.columns)
    if (auto const* other = train.column(column.name)) {
      auto one = column.tensor.shape(), same = other->shape();
      one[0] = same[0] = 0;
      if (one != same || column.tensor.dtype() != other->dtype())
        throw Error(fmt::format("the column '{}' is {} in the training set and {} in the test set", column.name,
                                other->type_text(), column.tensor.type_text()));
    }
}

Data data_of(DataContents contents) {
  contents.summary = contents.set.summary();
  return Inside::data(std::make_shared<DataContents const>(std::move(contents)));
}

} // namespace

Data Data::from_columns(std::vector<Column> train, std::vector<Column> test, std::string name) {
  auto const made = [&] {
    DataContents contents;
    contents.set.name = name;
    contents.set.from = "memory";
    contents.set.train = split_of(train);
    contents.set.test = split_of(test);
    if (train.empty() && test.empty()) throw Error("a data set without columns");
    expect_same_examples(contents.set.train, contents.set.test);
    return data_of(std::move(contents));
  };
  return guarded(Sources{}, [&] { return coded(Code::data, made); });
}

// The columns have no rows: these come batch by batch.
Data Data::from_batches(std::vector<Field> fields, NextBatch next, StreamOptions options) {
  auto const made = [&] {
    if (!next) throw Error(Code::argument, "a stream without a function that fills its batches");
    if (fields.empty()) throw Error("a stream without fields");
    if (options.examples < 0) throw Error(fmt::format("{} examples: expected at least 0", options.examples));
    DataContents contents;
    contents.set.name = options.name;
    contents.set.from = "a stream";
    contents.set.train.examples = options.examples;
    for (auto const& field : fields) {
      expect_new(contents.set.train.columns, field.name);
      auto shape = field.shape;
      shape.insert(shape.begin(), 0);
      contents.set.train.columns.push_back({field.name, tensor_of({field.name, field.dtype, shape, nullptr, {}})});
    }
    contents.stream = Stream{std::move(next), std::move(options)};
    contents.summary = fmt::format("{}: batches that come one by one", contents.set.name);
    return Inside::data(std::make_shared<DataContents const>(std::move(contents)));
  };
  return guarded(Sources{}, [&] { return coded(Code::data, made); });
}

namespace {

// What a training on such data would know of them.
Encodings known_by(DataOptions const& options) {
  Encodings known;
  if (options.like) known = Inside::of(*options.like).set.encodings;
  if (!options.checkpoint.empty()) known = encodings_of_checkpoint(options.checkpoint);
  if (options.new_classes)
    std::erase_if(known, [](auto const& entry) { return entry.second.kind == Encoding::Kind::categories; });
  return known;
}

} // namespace

Data Data::open(std::string const& words, DataOptions const& options) {
  return guarded(Sources{}, [&] {
    Opening opening;
    if (!options.folder.empty()) opening.folder = options.folder;
    auto contents = std::make_shared<DataContents>();
    contents->set = coded(Code::data, [&] {
      opening.known = known_by(options);
      return load_dataset(words, opening);
    });
    contents->summary = contents->set.summary();
    return Inside::data(std::move(contents));
  });
}

Data Data::open(std::string const& words, std::string const& folder) {
  return open(words, DataOptions{.folder = folder});
}

std::vector<std::string> Data::option_list() {
  std::vector<std::string> list;
  for (auto const& option : data_options())
    list.push_back(fmt::format("{}{}{}: {}", option.name, *option.form ? "=" : "", option.form, option.meaning));
  return list;
}

std::vector<std::pair<std::string, std::int64_t>> Data::properties() const {
  auto const& properties = contents_->set.properties;
  return {properties.begin(), properties.end()};
}

std::vector<std::string> Data::names_of(std::string const& column) const {
  auto const& encodings = contents_->set.encodings;
  auto const found = encodings.find(column);
  return found == encodings.end() ? std::vector<std::string>{} : found->second.names;
}

std::vector<std::string> Data::built_in() { return builtin_datasets(); }

std::string const& Data::name() const { return contents_->set.name; }
std::string Data::summary() const { return contents_->summary; }
std::vector<std::string> Data::notes() const {
  auto notes = contents_->set.notes;
  for (auto const* split : {&contents_->set.train, &contents_->set.test})
    for (auto& words : split->conversions->words())
      if (std::ranges::find(notes, words) == notes.end()) notes.push_back(std::move(words));
  return notes;
}
std::int64_t Data::train_examples() const { return contents_->set.train.examples; }
std::int64_t Data::test_examples() const { return contents_->set.test.examples; }
std::vector<std::string> const& Data::files() const { return contents_->set.files; }
std::vector<std::string> const& Data::class_names() const { return contents_->set.class_names; }

Data Data::with_class_names(std::vector<std::string> names) const {
  auto contents = std::make_shared<DataContents>(*contents_); // the columns share their bytes
  contents->set.class_names = std::move(names);
  return Inside::data(std::move(contents));
}

namespace {

std::vector<Column> columns_to_show(Split const& split, std::shared_ptr<DataContents const> const& contents) {
  std::vector<Column> columns;
  for (auto const& [name, tensor] : split.columns)
    columns.push_back({name, std::string(nnc::name(tensor.dtype())), tensor.shape(), tensor.bytes().data(), contents});
  return columns;
}

} // namespace

std::vector<Column> Data::train_columns() const { return columns_to_show(contents_->set.train, contents_); }
std::vector<Column> Data::test_columns() const { return columns_to_show(contents_->set.test, contents_); }

namespace {

Type example_type(HostTensor const& column) {
  Type type{column.dtype(), {}};
  for (size_t axis = 1; axis < column.shape().size(); ++axis) type.shape.emplace_back(column.shape()[axis]);
  return type;
}

// But for the type of its elements.
bool has_shape_of(HostTensor const& column, Type const& input) {
  if (column.shape().size() != input.shape.size()) return false;
  if (input.shape.empty() || input.shape[0] != Dim(Symbol::batch)) return false;
  for (size_t axis = 1; axis < input.shape.size(); ++axis)
    if (input.shape[axis].constant() != column.shape()[axis]) return false;
  return true;
}

std::string list_of_columns(Split const& split) {
  std::string text;
  for (auto const& column : split.columns)
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", column.name, column.tensor.type_text());
  return text;
}

[[noreturn]] void does_not_fit(BoundInput const& input, NamedTensor const* column, Split const& split,
                               std::string const& set_name, std::string const& why) {
  Diagnostic problem;
  problem.message = column ? fmt::format("input '{}' expects {}, the column '{}' of {} has {}", input.name,
                                         input.type.text(), column->name, set_name, column->tensor.type_text())
                           : fmt::format("{} has no column for the {} '{}'", set_name,
                                         input.is_target ? "target" : "input", input.name);
  problem.help = why.empty() ? fmt::format("{} has the columns {}", set_name, list_of_columns(split)) : why;
  throw Error(problem);
}

} // namespace

std::vector<ColumnType> columns_of(Split const& split) {
  std::vector<ColumnType> columns;
  for (auto const& column : split.columns) columns.push_back({column.name, example_type(column.tensor)});
  return columns;
}

void expect_same_names(CompiledProgram const& program, Encodings const& trained_on, Dataset const& set) {
  for (auto const& input : program.inputs()) {
    auto const now = set.encodings.find(input.column), then = trained_on.find(input.column);
    if (now == set.encodings.end() || then == trained_on.end() || now->second.names == then->second.names) continue;
    auto const& before = then->second.names;
    auto const& names = now->second.names;
    size_t place = 0;
    while (place < std::min(names.size(), before.size()) && names[place] == before[place]) ++place;
    auto const name_at = [&](std::vector<std::string> const& all) {
      return place < all.size() ? fmt::format("'{}'", printable(all[place])) : std::string("nothing");
    };
    throw Error(Diagnostic{.message = fmt::format("the {} of '{}' are not those that the weights were trained on: "
                                                  "number {} is {}, and was {}",
                                                  now->second.kind == Encoding::Kind::tokens ? "tokens" : "categories",
                                                  input.column, place, name_at(names), name_at(before)),
                           .help = "DataOptions::checkpoint or DataOptions::like opens the data with the same ones",
                           .code = Code::data});
  }
}

std::vector<NamedTensor const*> bind_columns(CompiledProgram const& program, Split const& split,
                                             std::string const& set_name, bool targets) {
  auto const& inputs = program.inputs();
  std::vector<NamedTensor const*> bound(inputs.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i) {
    bound[i] = named(split.columns, inputs[i].column);
    if (!bound[i]) bound[i] = named(split.columns, inputs[i].name);
  }
  std::vector<NamedTensor const*> converted_of(inputs.size(), nullptr); // the columns themselves say what is free
  auto const& training = program.module().training;
  auto const is_free = [&](NamedTensor const& column) {
    return !(training && training->order == "sample " + column.name) &&
           std::find(bound.begin(), bound.end(), &column) == bound.end();
  };
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!bound[i]) {
      auto const next = std::find_if(split.columns.begin(), split.columns.end(), is_free);
      if (next != split.columns.end()) bound[i] = &*next;
    }
    bool const needed = targets || !inputs[i].is_target;
    std::string problem;
    bool fits = bound[i] && has_shape_of(bound[i]->tensor, inputs[i].type);
    if (fits && bound[i]->tensor.dtype() != inputs[i].type.dtype) {
      auto const* converted = split.conversions->column(*bound[i], inputs[i].type.dtype, problem);
      if (converted) converted_of[i] = converted;
      else fits = false;
    }
    if (fits || (!bound[i] && !needed)) continue;
    if (!needed) bound[i] = nullptr;
    else does_not_fit(inputs[i], bound[i], split, set_name, problem);
  }
  for (size_t i = 0; i < inputs.size(); ++i)
    if (bound[i] && converted_of[i]) bound[i] = converted_of[i];
  return bound;
}

} // namespace nnc
