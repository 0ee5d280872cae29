#include "runtime/weights_file.h"

#include "ir/diagnostic.h"
#include "ir/module.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

namespace nnc {
namespace {

constexpr std::string_view transposed_mark = "^T";
constexpr size_t most_listed = 12; // rules in a help

// "fc*.weight=dense_*.weight^T"
struct Rule {
  std::string text, from, to;
  bool transposes = false;
  i64 used = 0;    // tensors that it renamed
  i64 matched = 0; // and those of which an earlier rule was first
};

[[noreturn]] void refuse(std::string message, std::string help) {
  throw Error(Diagnostic{.message = std::move(message), .help = std::move(help), .code = Code::argument});
}

Rule rule_of(std::string const& text) {
  auto const help = "LoadOptions::rename \"fc*.weight=dense_*.weight^T\": the name in the file, the name in the "
                    "program, and ^T where the last two axes are swapped; nothing behind = leaves the tensor out";
  auto const equals = text.find('=');
  if (equals == std::string::npos || equals == 0) refuse(fmt::format("'{}' is no rule FROM=TO", text), help);
  Rule rule{.text = text, .from = text.substr(0, equals), .to = text.substr(equals + 1)};
  if (rule.to.ends_with(transposed_mark)) {
    rule.to.resize(rule.to.size() - transposed_mark.size());
    rule.transposes = true;
    if (rule.to.empty()) refuse(fmt::format("the rule '{}' names nothing that is to be transposed", text), help);
  }
  auto const left = std::ranges::count(rule.from, '*'), right = std::ranges::count(rule.to, '*');
  if (left != right && !rule.to.empty())
    refuse(fmt::format("the rule '{}' has {} * on the left and {} on the right", text, left, right), help);
  return rule;
}

// What the stars of a pattern stand for, each for as little as possible, the last one for the rest; nothing: it does
// not match.
std::optional<std::vector<std::string>> stars_of(std::string_view pattern, std::string_view name) {
  std::vector<std::string> stars;
  size_t at = 0;
  for (bool first = true;; first = false) {
    auto const star = pattern.find('*');
    auto const fixed = pattern.substr(0, star);
    bool const last = star == std::string_view::npos;
    size_t found = first ? 0 : last ? name.size() - std::min(name.size(), fixed.size()) : name.find(fixed, at);
    if (found == std::string_view::npos || found < at || name.substr(found, fixed.size()) != fixed) return std::nullopt;
    if (!first) stars.emplace_back(name.substr(at, found - at));
    at = found + fixed.size();
    if (last) return at == name.size() ? std::optional(stars) : std::nullopt;
    pattern.remove_prefix(star + 1);
  }
}

std::string filled(std::string_view pattern, std::vector<std::string> const& stars) {
  std::string text;
  size_t next = 0;
  for (char const c : pattern)
    if (c == '*') text += stars[next++];
    else text += c;
  return text;
}

// The last two axes swapped.
HostTensor transposed(HostTensor const& tensor) {
  auto shape = tensor.shape();
  auto const rank = shape.size();
  auto const rows = static_cast<size_t>(shape[rank - 2]), columns = static_cast<size_t>(shape[rank - 1]);
  std::swap(shape[rank - 2], shape[rank - 1]);
  HostTensor result(tensor.dtype(), std::move(shape));
  auto const width = static_cast<size_t>(bytes(tensor.dtype()));
  auto const* const from = tensor.bytes().data();
  auto* const to = result.writable().data();
  size_t const matrix = rows * columns, count = matrix ? tensor.bytes().size() / width / matrix : 0;
  for (size_t m = 0; m < count; ++m)
    for (size_t row = 0; row < rows; ++row)
      for (size_t column = 0; column < columns; ++column)
        std::memcpy(to + (m * matrix + column * rows + row) * width,
                    from + (m * matrix + row * columns + column) * width, width);
  return result;
}

std::string shown(std::string const& name, std::string const& type) { return fmt::format("'{}' {}", name, type); }

std::string list_of(std::vector<NamedTensor> const& tensors) {
  std::vector<std::string> all;
  for (auto const& given : tensors) all.push_back(shown(given.name, given.tensor.type_text()));
  return fmt::format("{}", fmt::join(all, ", "));
}

struct Match {
  Rule* rule = nullptr; // none: no rule matches
  std::string name;     // that it gives; empty: the tensor is left out
};

Match first_match(std::vector<Rule>& rules, std::string_view name) {
  Match match{.name = std::string(name)};
  for (auto& candidate : rules) {
    auto const found = stars_of(candidate.from, name);
    if (!found) continue;
    ++candidate.matched;
    if (!match.rule) match = {&candidate, filled(candidate.to, *found)};
  }
  return match;
}

// An average goes where its parameter goes, unless a rule names the average itself.
Match match_of(std::vector<Rule>& rules, std::string_view name) {
  auto match = first_match(rules, name);
  auto const prefix = average_of("");
  if (match.rule || !name.starts_with(prefix)) return match;
  match = first_match(rules, name.substr(prefix.size()));
  if (!match.rule) return {.name = std::string(name)};
  if (!match.name.empty()) match.name = average_of(match.name);
  return match;
}

void rename(std::vector<NamedTensor>& tensors, std::vector<Rule>& rules, std::string const& from,
            std::map<std::string, std::string>& before) {
  std::vector<NamedTensor> kept;
  for (auto& given : tensors) {
    auto const [rule, name] = match_of(rules, given.name);
    if (rule) ++rule->used;
    if (name.empty()) continue; // left out
    auto const [twin, alone] = before.emplace(name, given.name);
    if (!alone)
      refuse(fmt::format("{}: '{}' and '{}' both become '{}'", from, twin->second, given.name, name),
             "a tensor takes the first rule that matches; one without a rule keeps its name");
    if (rule && rule->transposes) {
      if (given.tensor.shape().size() < 2)
        refuse(fmt::format("the rule '{}' swaps the last two axes, and '{}' of {} is {}", rule->text, given.name, from,
                           given.tensor.type_text()),
               "a rule of its own, without ^T, before this one");
      given.tensor = transposed(given.tensor);
    }
    kept.push_back({name, std::move(given.tensor)});
  }
  tensors = std::move(kept);
}

template <class To, class From, class Widen>
HostTensor widened(HostTensor const& tensor, DType dtype, Widen widen) {
  HostTensor result(dtype, tensor.shape());
  std::ranges::transform(tensor.as<From>(), result.writable_as<To>().begin(),
                         [&](From x) { return static_cast<To>(widen(x)); });
  return result;
}

template <class To>
HostTensor widened_to(HostTensor const& tensor, DType dtype) {
  if (tensor.dtype() == DType::bf16)
    return widened<To, u16>(tensor, dtype, [](u16 bits) { return std::bit_cast<f32>(static_cast<u32>(bits) << 16); });
  if (tensor.dtype() == DType::f16)
    return widened<To, u16>(tensor, dtype, [](u16 bits) { return std::bit_cast<_Float16>(bits); });
  return widened<To, f32>(tensor, dtype, [](f32 x) { return x; });
}

bool widens(DType from, DType to) {
  bool const half = from == DType::f16 || from == DType::bf16;
  return (half && (to == DType::f32 || to == DType::f64)) || (from == DType::f32 && to == DType::f64);
}

bool may_become(DType from, DType to) { return from == to || widens(from, to); }

bool is_transposed(std::vector<i64> const& a, std::vector<i64> const& b) {
  auto swapped = a;
  if (swapped.size() < 2) return false;
  std::swap(swapped[swapped.size() - 2], swapped[swapped.size() - 1]);
  return swapped == b;
}

std::string_view last_part(std::string_view name) { return name.substr(name.rfind('.') + 1); }

std::string type_of(Wanted const& wanted) { return type_text(wanted.dtype, wanted.shape); }

std::string rule_text(NamedTensor const& given, Wanted const& wanted) {
  bool const as_it_is = given.tensor.shape() == wanted.shape;
  return fmt::format("{}={}{}", given.name, wanted.name, as_it_is ? "" : transposed_mark);
}

// Finds all that does not fit, and what its user may have meant.
class Mismatch {
public:
  Mismatch(std::vector<NamedTensor> const& surplus, std::string const& from) : surplus_(surplus), from_(from) {}
  void missing(Wanted const& wanted) { missing_.push_back(wanted); }
  void other_type(Wanted const& wanted, NamedTensor const& given) { other_.emplace_back(wanted, given); }
  void check();

private:
  NamedTensor const* meant(Wanted const&, std::set<std::string> const& taken) const;
  std::string help();

  std::vector<NamedTensor> const& surplus_;
  std::string const& from_;
  std::vector<Wanted> missing_;
  std::vector<std::pair<Wanted, NamedTensor>> other_;
};

// The surplus tensor that fits, maybe transposed: of the same last word where there is one, else of the nearest name.
NamedTensor const* Mismatch::meant(Wanted const& wanted, std::set<std::string> const& taken) const {
  std::vector<std::string> names;
  for (bool const same_word : {true, false})
    for (auto const& given : surplus_) {
      auto const& shape = given.tensor.shape();
      if (taken.contains(given.name) || !may_become(given.tensor.dtype(), wanted.dtype)) continue;
      if (shape != wanted.shape && !is_transposed(shape, wanted.shape)) continue;
      if (same_word && last_part(given.name) == last_part(wanted.name)) return &given;
      if (!same_word) names.push_back(given.name);
    }
  return named(surplus_, nearest(wanted.name, names));
}

std::string Mismatch::help() {
  std::vector<std::string> rules;
  std::set<std::string> taken;
  bool transposes = false;
  auto const add = [&](NamedTensor const& given, Wanted const& wanted) {
    taken.insert(given.name);
    transposes = transposes || given.tensor.shape() != wanted.shape;
    if (rules.size() < most_listed) rules.push_back(fmt::format("\"{}\"", rule_text(given, wanted)));
  };
  for (auto const& wanted : missing_)
    if (auto const* given = meant(wanted, taken)) add(*given, wanted);
  for (auto const& [wanted, given] : other_)
    if (may_become(given.tensor.dtype(), wanted.dtype) && is_transposed(given.tensor.shape(), wanted.shape))
      add(given, wanted);
  if (rules.empty() && missing_.empty() && !surplus_.empty())
    return fmt::format("LoadOptions::rename \"{}=\" leaves it out", surplus_.front().name);
  if (rules.empty()) return "";
  return fmt::format("LoadOptions::rename {}{}", fmt::join(rules, " "),
                     transposes ? "; ^T swaps the last two axes: [out, in], as PyTorch stores it" : "");
}

void Mismatch::check() {
  std::vector<std::string> lines, counts;
  auto const count = [&](size_t n, char const* one, char const* many) {
    if (n) counts.push_back(fmt::format("{} {}", n, n == 1 ? one : many));
  };
  for (auto const& wanted : missing_)
    lines.push_back(fmt::format("{} has no {}, which the program needs", from_, shown(wanted.name, type_of(wanted))));
  for (auto const& given : surplus_)
    lines.push_back(
        fmt::format("{} has {}, which the program has not", from_, shown(given.name, given.tensor.type_text())));
  for (auto const& [wanted, given] : other_)
    lines.push_back(fmt::format("{}: '{}' is {}, the program has {}", from_, wanted.name, given.tensor.type_text(),
                                type_of(wanted)));
  if (lines.empty()) return;
  Diagnostic problem{.message = lines.front(), .code = Code::data};
  if (auto text = help(); !text.empty()) problem.help = std::move(text);
  if (lines.size() > 1) {
    count(missing_.size(), "tensor is missing", "tensors are missing");
    count(surplus_.size(), "is surplus", "are surplus");
    count(other_.size(), "has another type", "have another type");
    problem.message = fmt::format("{} does not fit the program: {}", from_, fmt::join(counts, ", "));
    for (auto const& line : lines) problem.notes.push_back({{}, line});
  }
  throw Error(problem);
}

} // namespace

Checkpoint renamed(Checkpoint checkpoint, std::vector<std::string> const& rules, std::string const& from) {
  if (rules.empty()) return checkpoint;
  std::vector<Rule> parsed;
  for (auto const& text : rules) parsed.push_back(rule_of(text));
  auto const names = list_of(checkpoint.parameters);
  std::map<std::string, std::string> before; // by the new name
  for (auto* tensors : {&checkpoint.parameters, &checkpoint.states}) rename(*tensors, parsed, from, before);
  for (auto const& rule : parsed) {
    if (rule.used > 0) continue;
    if (rule.matched > 0)
      refuse(fmt::format("the rule '{}' renames nothing: rules before it take all that it matches", rule.text),
             "put the narrower rule first");
    refuse(fmt::format("the rule '{}' matches no tensor of {}", rule.text, from), fmt::format("it has {}", names));
  }
  return checkpoint;
}

std::vector<NamedTensor> fitted(std::vector<Wanted> const& wanted, std::vector<NamedTensor> const& given,
                                std::vector<NamedTensor> const& surplus, std::string const& from) {
  Mismatch mismatch(surplus, from);
  std::vector<NamedTensor> result;
  for (auto const& one : wanted) {
    auto const* found = named(given, one.name);
    if (!found) mismatch.missing(one);
    else if (found->tensor.shape() != one.shape || !may_become(found->tensor.dtype(), one.dtype))
      mismatch.other_type(one, *found);
    else result.push_back(*found);
  }
  mismatch.check();
  for (size_t i = 0; i < wanted.size(); ++i) {
    auto& tensor = result[i].tensor;
    if (tensor.dtype() == wanted[i].dtype) continue;
    tensor = wanted[i].dtype == DType::f64 ? widened_to<f64>(tensor, DType::f64) : widened_to<f32>(tensor, DType::f32);
  }
  return result;
}

} // namespace nnc
