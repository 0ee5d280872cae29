// Element types, symbolic extents and tensor types.
#pragma once

#include "ir/basic.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nnc {

enum class DType : u8 { f64, f32, f16, bf16, i64, i32, i8, u8, bool_ };
inline constexpr int dtype_count = 9;

std::string_view name(DType);                       // "f32", "bool"
std::optional<DType> dtype_named(std::string_view); // the inverse
bool is_float(DType);
bool is_narrow_float(DType); // f16, bf16: computed in f32, rounded once
bool is_int(DType); // i64 i32 i8 u8; bool is neither float nor int
// May an input of one type take a column of the other? Among elements of 4 and 8 bytes floats come from anything, and
// integers from integers; narrow ones are kept as they are, since they were made narrow for a purpose.
bool column_fits(DType column, DType input);
i64 bytes(DType);   // of one element; bool takes one byte that holds 0 or 1

// The extents that stay unknown while compiling. `batch` alone reaches the machine code; `examples` is the length of a
// column of a data set.
enum class Symbol : u8 { batch, examples };
inline constexpr int symbol_count = 2;
std::string_view name(Symbol);

// What a symbol stands for, where it is known.
using Bindings = std::array<std::optional<i64>, symbol_count>;

// An extent: an integer polynomial over the symbols in normal form, such as 784, batch, 2*batch + 1.
// == compares normal forms, so equality is decidable; overflow of 64 bits throws nnc::Error.
class Dim {
public:
  Dim(i64 constant = 0) : constant_(constant) {} // NOLINT: implicit on purpose, an integer is a Dim
  Dim(Symbol);                                   // NOLINT
  bool is_constant() const { return terms_.empty(); }
  std::optional<i64> constant() const;
  i64 value(Bindings const&) const; // throws Error when a symbol that occurs is unbound
  Dim bind(Bindings const&) const;  // replaces the symbols that are bound
  bool mentions(Symbol) const;
  Dim operator+(Dim const&) const;
  Dim operator-(Dim const&) const;
  Dim operator*(Dim const&) const;
  std::optional<Dim> divided_by(Dim const&) const; // exact; nothing when it leaves a rest
  // The coefficient-wise maximum: at least as large as both for every value (>= 1) of the symbols.
  static Dim maximum(Dim const&, Dim const&);
  bool operator==(Dim const&) const = default;
  std::string text() const;                               // "2*batch + 1", no blanks inside a type: "2*batch+1"
  static std::optional<Dim> parse(std::string_view text); // the inverse

private:
  struct Term { // coefficient * batch^p0 * examples^p1, coefficient != 0
    std::array<u8, symbol_count> powers{};
    i64 coefficient = 0;
    bool operator==(Term const&) const = default;
  };
  static Dim normal(i64 constant, std::vector<Term> terms);
  i64 constant_ = 0;
  std::vector<Term> terms_; // sorted by powers, descending
};

using Shape = std::vector<Dim>;

Dim element_count(Shape const&);

struct Type {
  DType dtype = DType::f32;
  Shape shape;
  int rank() const { return static_cast<int>(shape.size()); }
  bool operator==(Type const&) const = default;
  std::string text() const; // "f32[batch,784]", "f32[]"
};

Type scalar_of(DType);

// Throws Error when the bytes of a tensor of this type are beyond counting, in 63 bits and with 65,536 examples. Every
// type that a node states or derives goes through here.
void need_countable(Type const&);

// Size of a tensor in bytes, or nothing when an extent is negative or the product does not fit into 63 bits. Every
// size that comes from a file goes through here.
std::optional<i64> bytes_of(std::vector<i64> const& shape, DType);

} // namespace nnc
