// Texts of modules with a few things changed: lines gone, doubled, exchanged; names, numbers, types, operators, orders,
// places and the attributes of kernels replaced. Some of what comes out is a module, most of it is none.
#pragma once

#include "ir/kernel_fields.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace nnc::props {

class Mutator {
public:
  explicit Mutator(u64 seed) : state_(seed * 0x9E3779B97F4A7C15U + 1) {}

  std::string operator()(std::string const& text) {
    split(text);
    for (u64 n = 1 + (below(3) == 0) + (below(6) == 0); n > 0 && !lines_.empty(); --n) edit();
    std::string out;
    for (auto const& line : lines_) out += line + "\n";
    return out;
  }

private:
  u64 below(u64 n) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33) % n;
  }
  template <class List>
  auto const& any(List const& list) {
    return list[below(std::size(list))];
  }

  void split(std::string const& text) {
    lines_.clear();
    for (size_t at = 0; at < text.size();) {
      size_t const end = std::min(text.find('\n', at), text.size());
      lines_.push_back(text.substr(at, end - at));
      at = end + 1;
    }
  }

  void edit() {
    switch (below(16)) {
    case 0: lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(below(lines_.size()))); return;
    case 1: {
      auto const copy = any(lines_);
      lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(below(lines_.size())), copy);
      return;
    }
    case 2: std::swap(lines_[below(lines_.size())], lines_[below(lines_.size())]); return;
    case 3: return replace(is_digit, number());
    case 4: return exchange('%', is_name);
    case 5: return exchange(' ', is_name); // operators and the like
    case 6: return exchange_types();
    case 7: return replace_word("order=", order());
    case 8: return replace_word(any(place_words), place());
    case 9: return another_slot();
    case 10: return along_other_axes();
    default: return kernel_attribute();
    }
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_name(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_' || c == '.'; }

  std::string number() {
    static constexpr char const* numbers[] = {"0", "1",  "2",  "3",   "4",    "5",          "7",
                                              "8", "15", "16", "31",  "64",   "100",        "-1",
                                              "9", "32", "48", "256", "4096", "2147483648", "9223372036854775807"};
    return any(numbers);
  }
  std::string flag() { return below(2) ? "true" : "false"; }
  std::string order() {
    switch (below(4)) {
    case 0: return "order=chain";
    case 1: return "order=lanes";
    case 2: return "order=blocks(" + number() + ", chain)";
    default: return "order=blocks(" + number() + ", lanes, " + std::to_string(below(3)) + ")";
    }
  }
  static constexpr char const* place_words[] = {"slot(", "argument(", "result(", "local("};
  // Two values change their slots, or share one.
  void another_slot() {
    auto const is_slot = [](char c) { return c >= '0' && c <= '9'; };
    std::vector<Found> found;
    for (auto const& f : runs('(', is_slot))
      if (f.begin >= 5 && lines_[f.line].compare(f.begin - 5, 5, "slot(") == 0) found.push_back(f);
    if (!found.empty()) put(any(found), text_of(any(found)));
  }
  // A broadcast, a sum, a reversal or a transposition takes the axes of another one.
  void along_other_axes() {
    std::vector<Found> found;
    for (auto const* word : {"axes=[", "permutation=["})
      for (size_t l = 0; l < lines_.size(); ++l)
        for (size_t at = lines_[l].find(word); at != std::string::npos; at = lines_[l].find(word, at + 1)) {
          size_t const begin = lines_[l].find('[', at);
          if (size_t const end = lines_[l].find(']', begin); end != std::string::npos)
            found.push_back({l, begin, end + 1});
        }
    if (!found.empty()) put(any(found), text_of(any(found)));
  }
  std::string place() { return any(place_words) + std::to_string(below(6)) + ")"; }

  struct Found {
    size_t line, begin, end;
  };
  // Runs of characters of a kind that follow `before` ('\0': anything).
  template <class Is>
  std::vector<Found> runs(char before, Is is) const {
    std::vector<Found> found;
    for (size_t l = 0; l < lines_.size(); ++l)
      for (size_t i = 0; i < lines_[l].size();) {
        bool const starts = is(lines_[l][i]) && (before == '\0' || (i > 0 && lines_[l][i - 1] == before));
        size_t end = i;
        while (end < lines_[l].size() && is(lines_[l][end])) ++end;
        if (starts) found.push_back({l, i, end});
        i = std::max(end, i + 1);
      }
    return found;
  }
  std::string text_of(Found const& f) const { return lines_[f.line].substr(f.begin, f.end - f.begin); }
  void put(Found const& f, std::string const& text) { lines_[f.line].replace(f.begin, f.end - f.begin, text); }

  template <class Is>
  void replace(Is is, std::string const& with) {
    if (auto found = runs('\0', is); !found.empty()) put(any(found), with);
  }
  template <class Is>
  void exchange(char before, Is is) {
    if (auto found = runs(before, is); !found.empty()) put(any(found), text_of(any(found)));
  }
  void exchange_types() {
    std::vector<Found> found;
    for (size_t l = 0; l < lines_.size(); ++l)
      if (auto at = lines_[l].rfind(" : "); at != std::string::npos) found.push_back({l, at, lines_[l].size()});
    if (!found.empty()) put(any(found), text_of(any(found)));
  }
  // A word that begins so, up to and with the bracket that closes it.
  void replace_word(std::string const& begins, std::string const& with) {
    std::vector<Found> found;
    for (size_t l = 0; l < lines_.size(); ++l)
      for (size_t at = lines_[l].find(begins); at != std::string::npos; at = lines_[l].find(begins, at + 1)) {
        size_t const end = lines_[l].find_first_of(
            begins.back() == '(' || lines_[l].find('(', at) != std::string::npos ? ")" : ",}", at);
        if (end != std::string::npos) found.push_back({l, at, end + (lines_[l][end] == ')')});
      }
    if (!found.empty()) put(any(found), with);
  }

  std::string value_of(AttributeSpec const& spec) {
    switch (spec.kind) {
    case AttributeKind::boolean: return flag();
    case AttributeKind::integers: return "[" + number() + (below(2) ? ", " + number() : "") + "]";
    case AttributeKind::places: return "[" + place() + "]";
    case AttributeKind::string: {
      static constexpr char const* words[] = {"scalars", "pointwise", "rows",    "scatter", "lines", "contract",
                                              "whole",   "chunks",    "columns", "batches", "foo"};
      return std::string("\"") + any(words) + "\"";
    }
    default: return number();
    }
  }
  // A fact of a kernel, with any value of its kind.
  std::string attribute() {
    auto const fields = kernel_fields();
    auto const& spec = fields[below(fields.size())].spec;
    return std::string(spec.name) + "=" + value_of(spec);
  }
  // One more, one less, or another value.
  void kernel_attribute() {
    std::vector<size_t> kernels;
    for (size_t l = 0; l < lines_.size(); ++l)
      if (lines_[l].find("= kernel ") != std::string::npos && lines_[l].find('{') != std::string::npos)
        kernels.push_back(l);
    if (kernels.empty()) return;
    auto& line = lines_[any(kernels)];
    auto const now = attribute();
    auto const key = now.substr(0, now.find('=') + 1);
    size_t const at = line.find(key);
    if (at == std::string::npos) {
      line.insert(line.find('{') + 1, now + ", ");
      return;
    }
    bool const is_list = now.back() == ']';
    size_t end = line.find_first_of(is_list ? "]" : ",}", at) + is_list;
    if (below(3)) line.replace(at, end - at, now);
    else line.erase(at, line[end] == ',' ? end + 2 - at : end - at);
  }

  u64 state_;
  std::vector<std::string> lines_;
};

} // namespace nnc::props
