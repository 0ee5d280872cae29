// Names of dtypes and symbols, arithmetic of extents in normal form, and the text of types.
#include "ir/types.h"

#include "ir/ascii.h"
#include "ir/diagnostic.h"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <map>

namespace nnc {
namespace {

struct DTypeRow {
  std::string_view name;
  i64 bytes;
};
// In the order of the enum.
constexpr std::array<DTypeRow, dtype_count> dtypes{
    {{"f64", 8}, {"f32", 4}, {"f16", 2}, {"bf16", 2}, {"i64", 8}, {"i32", 4}, {"i8", 1}, {"u8", 1}, {"bool", 1}}};
constexpr std::array<std::string_view, symbol_count> symbols{"batch", "examples"};

i64 checked_add(i64 a, i64 b) {
  i64 r = 0;
  if (__builtin_add_overflow(a, b, &r)) throw Error("an int or an extent beyond 64 bits");
  return r;
}
i64 checked_mul(i64 a, i64 b) {
  i64 r = 0;
  if (__builtin_mul_overflow(a, b, &r)) throw Error("an int or an extent beyond 64 bits");
  return r;
}

} // namespace

std::string_view name(DType d) { return dtypes[static_cast<size_t>(d)].name; }
i64 bytes(DType d) { return dtypes[static_cast<size_t>(d)].bytes; }
bool is_float(DType d) { return d <= DType::bf16; }
bool is_narrow_float(DType d) { return d == DType::f16 || d == DType::bf16; }
bool is_int(DType d) { return d >= DType::i64 && d <= DType::u8; }

bool column_fits(DType column, DType input) {
  if (column == input) return true;
  return bytes(column) >= 4 && bytes(input) >= 4 && (is_float(input) || is_int(column));
}

std::optional<DType> dtype_named(std::string_view text) {
  for (size_t i = 0; i < dtypes.size(); ++i)
    if (dtypes[i].name == text) return static_cast<DType>(i);
  return {};
}

std::string_view name(Symbol s) { return symbols[static_cast<size_t>(s)]; }

Dim::Dim(Symbol s) {
  Term t;
  t.powers[static_cast<size_t>(s)] = 1;
  t.coefficient = 1;
  terms_.push_back(t);
}

// Sorts, joins terms of equal powers, drops zeros, and folds the term without symbols into the constant.
Dim Dim::normal(i64 constant, std::vector<Term> terms) {
  std::sort(terms.begin(), terms.end(), [](Term const& a, Term const& b) { return a.powers > b.powers; });
  Dim d(constant);
  for (auto const& t : terms) {
    if (t.powers == decltype(t.powers){}) d.constant_ = checked_add(d.constant_, t.coefficient);
    else if (!d.terms_.empty() && d.terms_.back().powers == t.powers)
      d.terms_.back().coefficient = checked_add(d.terms_.back().coefficient, t.coefficient);
    else d.terms_.push_back(t);
  }
  std::erase_if(d.terms_, [](Term const& t) { return t.coefficient == 0; });
  return d;
}

std::optional<i64> Dim::constant() const {
  if (!terms_.empty()) return {};
  return constant_;
}

bool Dim::mentions(Symbol s) const {
  return std::any_of(terms_.begin(), terms_.end(),
                     [s](Term const& t) { return t.powers[static_cast<size_t>(s)] != 0; });
}

Dim Dim::bind(Bindings const& bindings) const {
  if (terms_.empty()) return *this;
  auto bound = terms_;
  for (auto& t : bound)
    for (size_t s = 0; s < symbol_count; ++s) {
      if (!bindings[s]) continue;
      for (; t.powers[s] > 0; --t.powers[s]) t.coefficient = checked_mul(t.coefficient, *bindings[s]);
    }
  return normal(constant_, std::move(bound));
}

i64 Dim::value(Bindings const& bindings) const {
  if (terms_.empty()) return constant_;
  Dim bound = bind(bindings);
  if (!bound.is_constant()) throw Error(fmt::format("the extent {} is not known", text()));
  return bound.constant_;
}

Dim Dim::operator+(Dim const& o) const {
  auto all = terms_;
  all.insert(all.end(), o.terms_.begin(), o.terms_.end());
  return normal(checked_add(constant_, o.constant_), std::move(all));
}

Dim Dim::operator-(Dim const& o) const { return *this + o * Dim(-1); }

Dim Dim::operator*(Dim const& o) const {
  std::vector<Term> all;
  auto scaled = [&](std::vector<Term> const& terms, i64 factor) {
    for (auto t : terms) {
      t.coefficient = checked_mul(t.coefficient, factor);
      all.push_back(t);
    }
  };
  scaled(terms_, o.constant_);
  scaled(o.terms_, constant_);
  for (auto const& a : terms_)
    for (auto const& b : o.terms_) {
      Term t;
      t.coefficient = checked_mul(a.coefficient, b.coefficient);
      for (size_t s = 0; s < symbol_count; ++s) {
        if (a.powers[s] + b.powers[s] > 255) throw Error("an int or an extent beyond 64 bits");
        t.powers[s] = static_cast<u8>(a.powers[s] + b.powers[s]);
      }
      all.push_back(t);
    }
  return normal(checked_mul(constant_, o.constant_), std::move(all));
}

// Long division by the leading term (powers are ordered like the terms of a polynomial: by symbol, then by power).
std::optional<Dim> Dim::divided_by(Dim const& o) const {
  if (o == Dim(0)) return {};
  auto leading = [](Dim const& d) { return d.terms_.empty() ? Term{{}, d.constant_} : d.terms_.front(); };
  Term const divisor = leading(o);
  Dim rest = *this, quotient;
  while (!(rest == Dim(0))) {
    Term t = leading(rest);
    if (t.coefficient == INT64_MIN || t.coefficient % divisor.coefficient != 0) return {};
    t.coefficient /= divisor.coefficient;
    for (size_t s = 0; s < symbol_count; ++s) {
      if (t.powers[s] < divisor.powers[s]) return {};
      t.powers[s] = static_cast<u8>(t.powers[s] - divisor.powers[s]);
    }
    Dim part = normal(0, {t});
    quotient = quotient + part;
    rest = rest - part * o;
  }
  return quotient;
}

Dim Dim::maximum(Dim const& a, Dim const& b) {
  std::map<decltype(Term::powers), std::pair<i64, i64>> both;
  for (auto const& t : a.terms_) both[t.powers].first = t.coefficient;
  for (auto const& t : b.terms_) both[t.powers].second = t.coefficient;
  std::vector<Term> terms;
  for (auto const& [powers, c] : both) terms.push_back({powers, std::max(c.first, c.second)});
  return normal(std::max(a.constant_, b.constant_), std::move(terms));
}

std::string Dim::text() const {
  std::string out;
  auto add = [&](i64 coefficient, std::string const& factor) {
    if (!out.empty() && coefficient >= 0) out += '+';
    if (factor.empty()) out += std::to_string(coefficient);
    else if (coefficient == 1) out += factor;
    else if (coefficient == -1) out += "-" + factor;
    else out += std::to_string(coefficient) + "*" + factor;
  };
  for (auto const& t : terms_) {
    std::string factor;
    for (size_t s = 0; s < symbol_count; ++s)
      for (int p = 0; p < t.powers[s]; ++p) factor += (factor.empty() ? "" : "*") + std::string(symbols[s]);
    add(t.coefficient, factor);
  }
  if (constant_ != 0 || out.empty()) add(constant_, "");
  return out;
}

namespace {

// sum = ["-"] product { ("+" | "-") product }; product = factor { "*" factor }; factor = integer | symbol
class DimReader {
public:
  explicit DimReader(std::string_view text) : text_(text) {}

  std::optional<Dim> sum() {
    bool negative = accept('-');
    auto total = product(negative);
    while (total && !done()) {
      negative = accept('-');
      if (!negative && !accept('+')) return {};
      auto next = product(negative);
      if (!next) return {};
      total = *total + *next;
    }
    return total;
  }

private:
  bool done() {
    while (!text_.empty() && text_.front() == ' ') text_.remove_prefix(1);
    return text_.empty();
  }
  bool accept(char c) {
    if (done() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::optional<Dim> product(bool negative) {
    auto result = factor(negative);
    while (result && accept('*')) {
      auto next = factor(false);
      if (!next) return {};
      result = *result * *next;
    }
    return result;
  }
  std::optional<Dim> factor(bool negative) {
    if (done()) return {};
    if (is_digit(text_.front())) return integer(negative);
    size_t n = 0;
    while (n < text_.size() && is_letter(text_[n])) ++n;
    for (size_t s = 0; s < symbol_count; ++s)
      if (text_.substr(0, n) == symbols[s]) {
        text_.remove_prefix(n);
        return negative ? Dim(0) - Dim(static_cast<Symbol>(s)) : Dim(static_cast<Symbol>(s));
      }
    return {};
  }
  std::optional<Dim> integer(bool negative) {
    std::string digits = negative ? "-" : "";
    while (!text_.empty() && is_digit(text_.front())) {
      digits += text_.front();
      text_.remove_prefix(1);
    }
    i64 value = 0;
    auto r = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (r.ec != std::errc{}) return {};
    return Dim(value);
  }

  std::string_view text_;
};

} // namespace

std::optional<Dim> Dim::parse(std::string_view text) {
  try {
    return DimReader(text).sum();
  } catch (Error const&) { // beyond 64 bits
    return {};
  }
}

Dim element_count(Shape const& shape) {
  Dim count = 1;
  for (auto const& d : shape) count = count * d;
  return count;
}

std::string Type::text() const {
  std::string out(name(dtype));
  out += '[';
  for (size_t i = 0; i < shape.size(); ++i) out += (i ? "," : "") + shape[i].text();
  return out + "]";
}

Type scalar_of(DType d) { return {d, {}}; }

void need_countable(Type const& t) {
  constexpr size_t most_axes = 128; // index maps take time that grows with the cube of their number
  if (t.shape.size() > most_axes)
    throw Error(fmt::format("a tensor of {} axes, expected at most {}", t.shape.size(), most_axes));
  Dim count = bytes(t.dtype);
  try {
    for (auto const& d : t.shape)
      if (d != Dim(0)) count = count * d; // strides skip no empty axis
    Bindings many;
    many.fill(i64{1} << 16);
    (void)count.value(many);
  } catch (Error const&) {
    throw Error(fmt::format("{} is too large: its bytes are more than 63 bits can count", t.text()));
  }
}

std::optional<i64> bytes_of(std::vector<i64> const& shape, DType dtype) {
  i64 total = bytes(dtype);
  bool empty = false;
  for (i64 extent : shape) {
    if (extent < 0) return {};
    if (extent == 0) empty = true;
  }
  if (empty) return 0;
  for (i64 extent : shape)
    if (__builtin_mul_overflow(total, extent, &total)) return {};
  return total;
}

} // namespace nnc
