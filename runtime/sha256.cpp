// SHA-256. The standard defines its constants as the first 32 bits of the fractions of roots of primes; they are
// computed here from that definition.
#include "runtime/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace nnc {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::array<u32, 64> first_primes = [] {
  std::array<u32, 64> primes{};
  size_t found = 0;
  for (u32 candidate = 2; found < primes.size(); ++candidate)
    if (std::none_of(primes.begin(), primes.begin() + found, [&](u32 p) { return candidate % p == 0; }))
      primes[found++] = candidate;
  return primes;
}();

// floor(root * 2^32) mod 2^32, where root is the square (power 2) or cube (power 3) root of n: the largest r with
// r^power <= n * 2^(32 * power).
constexpr u32 root_fraction(u32 n, int power) {
  Wide const target = Wide{n} << (32 * power);
  u64 root = 0;
  for (int bit = 36; bit >= 0; --bit) {
    Wide const next = root | u64{1} << bit;
    if ((power == 2 ? next * next : next * next * next) <= target) root = static_cast<u64>(next);
  }
  return static_cast<u32>(root);
}

constexpr std::array<u32, 8> initial_hash = [] {
  std::array<u32, 8> values{};
  for (size_t i = 0; i < values.size(); ++i) values[i] = root_fraction(first_primes[i], 2);
  return values;
}();

constexpr std::array<u32, 64> round_constants = [] {
  std::array<u32, 64> values{};
  for (size_t i = 0; i < values.size(); ++i) values[i] = root_fraction(first_primes[i], 3);
  return values;
}();
static_assert(initial_hash[0] == 0x6a09e667 && round_constants[0] == 0x428a2f98 && round_constants[63] == 0xc67178f2);

std::array<u32, 64> message_schedule(u8 const* block) {
  std::array<u32, 64> w;
  for (size_t t = 0; t < 16; ++t)
    w[t] = u32{block[4 * t]} << 24 | u32{block[4 * t + 1]} << 16 | u32{block[4 * t + 2]} << 8 | block[4 * t + 3];
  for (size_t t = 16; t < 64; ++t) {
    u32 const s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
    u32 const s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  return w;
}

} // namespace

Sha256::Sha256() : hash_(initial_hash) {}

void Sha256::compress(u8 const* block) {
  auto const w = message_schedule(block);
  auto [a, b, c, d, e, f, g, h] = hash_;
  for (size_t t = 0; t < 64; ++t) {
    u32 const s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    u32 const choice = (e & f) ^ (~e & g);
    u32 const t1 = h + s1 + choice + round_constants[t] + w[t];
    u32 const s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    u32 const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + s0 + majority;
  }
  std::array<u32, 8> const rounds{a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < 8; ++i) hash_[i] += rounds[i];
}

void Sha256::update(std::span<u8 const> bytes) {
  while (!bytes.empty()) {
    size_t const used = length_ % 64;
    size_t const take = std::min(bytes.size(), 64 - used);
    std::memcpy(block_.data() + used, bytes.data(), take);
    length_ += take;
    if (used + take == 64) compress(block_.data());
    bytes = bytes.subspan(take);
  }
}

std::string Sha256::hex() {
  u64 const bits = 8 * length_;
  u8 const one = 0x80, zero = 0;
  update({&one, 1});
  while (length_ % 64 != 56) update({&zero, 1});
  std::array<u8, 8> length;
  for (int i = 0; i < 8; ++i) length[static_cast<size_t>(i)] = static_cast<u8>(bits >> (56 - 8 * i));
  update(length);
  std::string text;
  for (u32 word : hash_)
    for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[word >> shift & 15];
  return text;
}

std::string sha256(std::span<u8 const> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

} // namespace nnc
