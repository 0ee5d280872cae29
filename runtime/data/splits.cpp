#include "runtime/data/splits.h"

#include "ir/diagnostic.h"
#include "ir/printable.h"
#include "runtime/data/decoded.h"
#include "runtime/random.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace nnc {
namespace {

void expect_whole(Dataset const& set, std::string const& option) {
  if (set.test.examples > 0)
    throw Error(fmt::format("{}: {} has a test split of its own", option, set.name));
}

// The rows drawn for the test split, and the others; each in the order of the data.
void divide(Dataset& set, std::vector<bool> const& is_test, std::string const& option) {
  std::vector<i64> train, test;
  for (size_t row = 0; row < is_test.size(); ++row) (is_test[row] ? test : train).push_back(static_cast<i64>(row));
  if (train.empty() || test.empty())
    throw Error(fmt::format("{}: of {} examples none {}", option, is_test.size(),
                            test.empty() ? "is left for the test split" : "is left to train on"));
  auto const whole = set.train;
  if (train.back() < test.front()) { // the end of a sequence: nothing is copied
    set.train = whole.rows(0, std::ssize(train));
    set.test = whole.rows(test.front(), std::ssize(test));
    return;
  }
  set.train = rows_of(whole, train);
  set.test = rows_of(whole, test);
}

// Epoch 0 is none of a training: its order is another one. A sequence keeps its order, from its end on.
std::vector<i32> drawn_order(Split const& split, u64 seed) {
  if (!split.is_sequence) return shuffled_rows(split.examples, seed, 0);
  std::vector<i32> order(static_cast<size_t>(split.examples));
  std::iota(order.rbegin(), order.rend(), 0);
  return order;
}

void divide_by_column(Dataset& set, std::string const& name) {
  auto const option = "split=" + name;
  expect_whole(set, option);
  auto const encoding = set.encodings.find(name);
  auto const column = std::ranges::find(set.train.columns, name, &NamedTensor::name);
  if (column == set.train.columns.end()) throw Error(fmt::format("{}: {} has no such column", option, set.name));
  if (encoding == set.encodings.end() || encoding->second.kind != Encoding::Kind::categories)
    throw Error(fmt::format("{}: the column is {}, expected texts, train and test", option, column->tensor.type_text()));
  auto const& names = encoding->second.names;
  std::vector<bool> is_test;
  auto const values = column->tensor.as<i32>();
  for (size_t row = 0; row < values.size(); ++row) {
    auto const& word = names[static_cast<size_t>(values[row])];
    if (word != "test" && word != "train")
      throw Error(fmt::format("{}: example {} has '{}' there, expected train or test", option, row, printable(word)));
    is_test.push_back(word == "test");
  }
  set.encodings.erase(encoding);
  set.train.columns.erase(column);
  if (set.train.columns.empty()) throw Error(fmt::format("{}: {} has no other column", option, set.name));
  divide(set, is_test, option);
}

void divide_by_fold(Dataset& set, std::string const& text, u64 seed) {
  auto const option = "fold=" + text;
  expect_whole(set, option);
  i64 part = 0, parts = 0;
  auto const* const last = text.data() + text.size();
  auto const first = std::from_chars(text.data(), last, part);
  auto const second = first.ptr != last && *first.ptr == '/' ? std::from_chars(first.ptr + 1, last, parts) : first;
  if (second.ptr != last || second.ec != std::errc{} || part < 1 || parts < 2 || part > parts)
    throw Error(fmt::format("{}: expected K/N with K from 1 to N, and N at least 2", option));
  auto const n = set.train.examples;
  if (parts > n) throw Error(fmt::format("{}: there are only {} examples", option, n));
  auto const order = drawn_order(set.train, seed);
  std::vector<bool> is_test(order.size());
  // Parts that differ by one example at most.
  for (i64 i = n * (part - 1) / parts; i < n * part / parts; ++i)
    is_test[static_cast<size_t>(order[static_cast<size_t>(i)])] = true;
  divide(set, is_test, option);
}

void divide_by_share(Dataset& set, f64 share, u64 seed) {
  auto const option = fmt::format("test={}", share);
  expect_whole(set, option);
  auto const order = drawn_order(set.train, seed);
  std::vector<bool> is_test(order.size());
  auto const count = static_cast<size_t>(std::llround(share * static_cast<f64>(order.size())));
  for (size_t i = 0; i < count; ++i) is_test[static_cast<size_t>(order[i])] = true;
  divide(set, is_test, option);
}

// Means of the numbers that are none, over the examples.
std::vector<f64> means_of(HostTensor const& tensor) {
  auto const width = tensor.shape()[0] ? static_cast<size_t>(tensor.elements() / tensor.shape()[0]) : 0;
  std::vector<f64> sums(width), counts(width);
  auto const values = tensor.as<f32>();
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isnan(values[i])) sums[i % width] += values[i], counts[i % width] += 1;
  for (size_t i = 0; i < width; ++i) sums[i] = counts[i] > 0 ? sums[i] / counts[i] : 0;
  return sums;
}

void fill(HostTensor& tensor, std::vector<f64> const& values) {
  auto filled = room_for(DType::f32, tensor.shape());
  auto const from = tensor.as<f32>();
  auto const to = filled.writable_as<f32>();
  for (size_t i = 0; i < from.size(); ++i)
    to[i] = std::isnan(from[i]) ? static_cast<f32>(values[i % values.size()]) : from[i];
  tensor = filled;
}

// The means that a training was filled with, as its checkpoint keeps them.
std::string numbers_text(std::vector<f64> const& numbers) {
  std::string text;
  for (auto const number : numbers) text += fmt::format("{}{}", text.empty() ? "" : " ", number);
  return text;
}

std::vector<f64> numbers_in(std::string const& text) {
  std::vector<f64> numbers;
  auto const* at = text.data();
  auto const* const end = at + text.size();
  while (at != end) {
    f64 value = 0;
    auto const [next, error] = std::from_chars(at, end, value);
    if (error != std::errc{}) return {};
    numbers.push_back(value);
    at = next != end ? next + 1 : end;
  }
  return numbers;
}

constexpr char const* fill_key = "fill";

} // namespace

Split rows_of(Split const& split, std::vector<i64> const& rows) {
  Split part;
  part.examples = std::ssize(rows);
  part.is_sequence = split.is_sequence;
  for (auto const& [name, tensor] : split.columns) {
    auto shape = tensor.shape();
    auto const row = shape[0] ? tensor.bytes().size() / static_cast<size_t>(shape[0]) : 0;
    shape[0] = part.examples;
    auto copy = room_for(tensor.dtype(), shape);
    auto* to = copy.writable().data();
    for (auto const from : rows) {
      if (row > 0) std::memcpy(to, tensor.bytes().data() + static_cast<size_t>(from) * row, row);
      to += row;
    }
    part.columns.push_back({name, std::move(copy)});
  }
  return part;
}

bool is_share(std::string_view test) {
  return !test.empty() && test.find_first_not_of("0123456789.e-") == std::string_view::npos;
}

void divide_by_options(Dataset& set, ReadOptions& options) {
  auto const seed = static_cast<u64>(options.whole("split_seed", 0, std::numeric_limits<i64>::max()).value_or(0));
  if (auto const column = options.text("split")) divide_by_column(set, *column);
  if (auto const fold = options.text("fold")) divide_by_fold(set, *fold, seed);
  // A path is the loader's.
  if (auto const test = options.text("test"); test && is_share(*test)) {
    auto const share = *options.number("test", 0, 1);
    divide_by_share(set, share, seed);
  }
  if (auto const limit = options.whole("limit", 1, std::numeric_limits<i64>::max()))
    for (auto* split : {&set.train, &set.test})
      if (split->examples > *limit) *split = split->rows(0, *limit);
}

void fill_missing(Dataset& set, ReadOptions& options, Encodings const& known) {
  auto const said = options.text(fill_key);
  std::optional<f64> number;
  bool const stays = said && *said == "nan";
  if (said && *said != "mean" && !stays) number = options.number(fill_key, -1e300, 1e300);
  for (auto& [name, missing] : set.missing) {
    auto* const column = set.train.column(name);
    if (!column) continue;
    auto const width = column->shape()[0] ? static_cast<size_t>(column->elements() / column->shape()[0]) : 0;
    missing.counts.assign(width, 0);
    auto const all = column->as<f32>();
    for (size_t i = 0; i < all.size(); ++i) missing.counts[i % width] += std::isnan(all[i]);
    if (stays) continue;
    auto const before = known.find(name);
    std::vector<f64> values;
    if (before != known.end() && before->second.options.contains(fill_key))
      values = numbers_in(before->second.options.at(fill_key));
    if (values.size() != width || number) values = number ? std::vector<f64>(width, *number) : std::vector<f64>{};
    if (values.empty() && said) values = means_of(*column);
    if (values.empty())
      throw Error(Diagnostic{.message = fmt::format("{} ({} in all)", missing.where, missing.count),
                             .help = "fill=mean puts the mean of the training split there, fill=0 a number"});
    for (auto* split : {&set.train, &set.test})
      for (auto& each : split->columns)
        if (each.name == name && each.tensor.dtype() == DType::f32) fill(each.tensor, values);
    set.encodings[name].options[fill_key] = numbers_text(values);
    set.notes.push_back(fmt::format("{} missing number{} of '{}' {} filled", missing.count, missing.count == 1 ? "" : "s",
                                    name, missing.count == 1 ? "is" : "are"));
  }
  // What the training would have filled stays said, whether these data lack something or not.
  for (auto const& [name, encoding] : known)
    if (encoding.options.contains(fill_key) && set.train.column(name))
      set.encodings[name].options[fill_key] = encoding.options.at(fill_key);
}

} // namespace nnc
