#include "runtime/data/letters.h"

#include <algorithm>
#include <iterator>

namespace nnc {
namespace {

struct Range {
  u32 first, last;
  Letter kind;
};

// Beyond ASCII, in order; what is in none is a letter.
constexpr Range ranges[] = {
    {0x80, 0xA0, Letter::blank},      {0xA1, 0xA9, Letter::single},     {0xAB, 0xAC, Letter::single},
    {0xAD, 0xAD, Letter::blank},      {0xAE, 0xB1, Letter::single},     {0xB4, 0xB4, Letter::single},
    {0xB6, 0xB8, Letter::single},     {0xBB, 0xBB, Letter::single},     {0xBF, 0xBF, Letter::single},
    {0xD7, 0xD7, Letter::single},     {0xF7, 0xF7, Letter::single},     {0x2C2, 0x2C5, Letter::single},
    {0x2D2, 0x2DF, Letter::single},   {0x37E, 0x37E, Letter::single},   {0x384, 0x385, Letter::single},
    {0x387, 0x387, Letter::single},   {0x55A, 0x55F, Letter::single},   {0x589, 0x58A, Letter::single},
    {0x5BE, 0x5BE, Letter::single},   {0x5C0, 0x5C0, Letter::single},   {0x5C3, 0x5C3, Letter::single},
    {0x5F3, 0x5F4, Letter::single},   {0x606, 0x60F, Letter::single},   {0x61B, 0x61B, Letter::single},
    {0x61D, 0x61F, Letter::single},   {0x66A, 0x66D, Letter::single},   {0x6D4, 0x6D4, Letter::single},
    {0x964, 0x965, Letter::single},   {0xE3F, 0xE3F, Letter::single},   {0x1680, 0x1680, Letter::blank},
    {0x2000, 0x200F, Letter::blank},  {0x2010, 0x2027, Letter::single}, {0x2028, 0x202F, Letter::blank},
    {0x2030, 0x205E, Letter::single}, {0x205F, 0x206F, Letter::blank},  {0x207A, 0x207E, Letter::single},
    {0x208A, 0x208E, Letter::single}, {0x20A0, 0x20CF, Letter::single}, {0x2100, 0x214F, Letter::single},
    {0x2190, 0x245F, Letter::single}, {0x249C, 0x24E9, Letter::single}, {0x2500, 0x2775, Letter::single},
    {0x2794, 0x2BFF, Letter::single}, {0x2E00, 0x2FFF, Letter::single}, {0x3000, 0x3000, Letter::blank},
    {0x3001, 0x312F, Letter::single}, {0x3190, 0x9FFF, Letter::single}, {0xF900, 0xFAFF, Letter::single},
    {0xFE10, 0xFE1F, Letter::single}, {0xFE30, 0xFE6F, Letter::single}, {0xFEFF, 0xFEFF, Letter::blank},
    {0xFF01, 0xFF0F, Letter::single}, {0xFF1A, 0xFF20, Letter::single}, {0xFF3B, 0xFF40, Letter::single},
    {0xFF5B, 0xFFEF, Letter::single}, {0xFFF0, 0xFFFB, Letter::blank},  {0xFFFC, 0xFFFD, Letter::single},
    {0x1F000, 0x1FAFF, Letter::single}, {0x20000, 0x3FFFF, Letter::single},
};

// Capitals first..last, each `step` from the next, and how far their small letters are.
struct Capitals {
  u32 first, last, step;
  i32 distance;
};
constexpr Capitals capitals[] = {
    {'A', 'Z', 1, 32},           {0xC0, 0xD6, 1, 32},         {0xD8, 0xDE, 1, 32},         {0x100, 0x12E, 2, 1},
    {0x130, 0x130, 1, -199},     {0x132, 0x136, 2, 1},        {0x139, 0x147, 2, 1},        {0x14A, 0x176, 2, 1},
    {0x178, 0x178, 1, -121},     {0x179, 0x17D, 2, 1},        {0x1A0, 0x1A4, 2, 1},        {0x1AF, 0x1AF, 1, 1},
    {0x1CD, 0x1DB, 2, 1},        {0x1DE, 0x1EE, 2, 1},        {0x1F8, 0x21E, 2, 1},        {0x222, 0x232, 2, 1},
    {0x386, 0x386, 1, 38},       {0x388, 0x38A, 1, 37},       {0x38C, 0x38C, 1, 64},       {0x38E, 0x38F, 1, 63},
    {0x391, 0x3A1, 1, 32},       {0x3A3, 0x3AB, 1, 32},       {0x400, 0x40F, 1, 80},       {0x410, 0x42F, 1, 32},
    {0x460, 0x480, 2, 1},        {0x48A, 0x4BE, 2, 1},        {0x4C0, 0x4C0, 1, 15},       {0x4C1, 0x4CD, 2, 1},
    {0x4D0, 0x52E, 2, 1},        {0x531, 0x556, 1, 48},       {0x1E00, 0x1E94, 2, 1},      {0x1E9E, 0x1E9E, 1, -7615},
    {0x1EA0, 0x1EFE, 2, 1},      {0xFF21, 0xFF3A, 1, 32},
};

} // namespace

Letter kind_of_letter(u32 code) {
  if (code < 0x80) {
    bool const is_letter = (code >= '0' && code <= '9') || (code >= 'A' && code <= 'Z') || (code >= 'a' && code <= 'z');
    return is_letter ? Letter::letter : code <= ' ' || code == 0x7F ? Letter::blank : Letter::single;
  }
  auto const* range = std::ranges::lower_bound(ranges, code, {}, &Range::last);
  return range != std::end(ranges) && code >= range->first ? range->kind : Letter::letter;
}

u32 small_letter(u32 code) {
  auto const* range = std::ranges::lower_bound(capitals, code, {}, &Capitals::last);
  if (range == std::end(capitals) || code < range->first || (code - range->first) % range->step) return code;
  return static_cast<u32>(static_cast<i32>(code) + range->distance);
}

u32 code_of(std::string_view character) {
  u32 code = static_cast<u8>(character[0]);
  if (character.size() > 1) code &= 0x7FU >> character.size();
  for (char c : character.substr(1)) code = code << 6 | (static_cast<u8>(c) & 0x3FU);
  return code;
}

void append_character(std::string& text, u32 code) {
  auto const add = [&](u32 byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) add(0xC0 | code >> 6);
  else if (code < 0x10000) add(0xE0 | code >> 12), add(0x80 | (code >> 6 & 0x3F));
  else add(0xF0 | code >> 18), add(0x80 | (code >> 12 & 0x3F)), add(0x80 | (code >> 6 & 0x3F));
  add(0x80 | (code & 0x3F));
}

} // namespace nnc
