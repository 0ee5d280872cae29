// Structs of the C API begin with their size, which tells what the host's compiler knew of them.
#pragma once

#include "runtime/c/guard.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace nnc::c {

constexpr std::size_t largest_struct = 4096; // whatever is larger was never set

template <class T>
T& required(T* pointer, char const* what) {
  if (!pointer) refuse(std::string(what) + " is a null pointer");
  return *pointer;
}

inline std::string optional_text(char const* text) { return text ? text : ""; }
inline std::string text_of(char const* text, char const* what) { return &required(text, what); }

template <class T>
std::int64_t count_of(std::vector<T> const& all) {
  return static_cast<std::int64_t>(all.size());
}

// By a position that a host gives; null: there is none.
template <class T>
T const* element(std::vector<T> const& all, std::int64_t index) {
  return index >= 0 && index < count_of(all) ? &all[static_cast<std::size_t>(index)] : nullptr;
}

template <class T>
T const& element_of(std::vector<T> const& all, std::int64_t index, char const* what) {
  if (auto const* found = element(all, index)) return *found;
  refuse(std::string("there is no ") + what + " " + std::to_string(index) + ", but " + std::to_string(all.size()));
}

inline std::size_t size_of(void const* given) {
  std::size_t size = 0;
  std::memcpy(&size, given, sizeof size);
  return size;
}

inline bool is_size(std::size_t size) { return size >= sizeof size && size <= largest_struct; }

// What a host gives. Fields that its compiler did not know are zero, which is their default; bytes that this library
// does not know must be zero.
template <class Struct>
Struct sized(void const* given, char const* what) {
  static_assert(std::is_trivial_v<Struct> && std::has_unique_object_representations_v<Struct>); // no padding
  auto const size = size_of(given);
  if (!is_size(size)) refuse(std::string(what) + ".size is " + std::to_string(size) + ": set it to sizeof");
  Struct known{};
  std::memcpy(&known, given, std::min(size, sizeof known));
  known.size = sizeof known;
  auto const* bytes = static_cast<char const*>(given);
  if (size > sizeof known && std::any_of(bytes + sizeof known, bytes + size, [](char byte) { return byte != 0; }))
    refuse(std::string(what) + " has fields that nnc " + nnc::version() + " does not know");
  return known;
}

template <class Struct>
Struct sized_or_default(Struct const* given, char const* what) {
  return given ? sized<Struct>(given, what) : Struct{};
}

inline void expect_count(std::int64_t count, void const* first, char const* what) {
  if (count < 0) refuse(std::to_string(count) + " " + what);
  if (count > 0 && !first) refuse(std::string(what) + " is a null pointer");
}

inline std::vector<std::string> texts_of(char const* const* first, std::int64_t count, char const* what) {
  expect_count(count, first, what);
  std::vector<std::string> texts;
  for (std::int64_t i = 0; i < count; ++i) texts.push_back(text_of(first[i], what));
  return texts;
}

// The elements of an array of the host, which stand as far apart as the host's compiler put them.
template <class Struct>
std::vector<Struct> sized_elements(Struct const* first, std::int64_t count, char const* what) {
  expect_count(count, first, what);
  std::vector<Struct> all;
  auto const* at = reinterpret_cast<char const*>(first);
  for (std::int64_t i = 0; i < count; ++i, at += size_of(first)) {
    auto const name = std::string(what) + "[" + std::to_string(i) + "]";
    all.push_back(sized<Struct>(at, name.c_str()));
    if (size_of(at) != size_of(first)) refuse(name + ".size is another than that of the first");
  }
  return all;
}

// Writes as much of `value` as the host's struct has room for; its size stays. False: there is no struct, or no size.
template <class Struct>
bool try_fill(Struct* out, Struct const& value) {
  static_assert(std::is_trivial_v<Struct>);
  if (!out || !is_size(size_of(out))) return false;
  constexpr auto head = sizeof(std::size_t);
  std::memcpy(reinterpret_cast<char*>(out) + head, reinterpret_cast<char const*>(&value) + head,
              std::min(size_of(out), sizeof value) - head);
  return true;
}

// To be asked before work is done that could not be shown.
template <class Struct>
void expect_room(Struct* out, char const* what) {
  if (!is_size(size_of(&required(out, what)))) refuse(std::string(what) + ".size is not set to sizeof");
}

// As C shows them; the texts must live as long.
inline std::vector<char const*> pointers_of(std::vector<std::string> const& texts) {
  std::vector<char const*> pointers;
  for (auto const& text : texts) pointers.push_back(text.c_str());
  return pointers;
}

template <class Struct>
void fill(Struct* out, Struct const& value, char const* what) {
  expect_room(out, what);
  try_fill(out, value);
}

} // namespace nnc::c
