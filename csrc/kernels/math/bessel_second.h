// Bessel functions of the first and second kind, modified ones of the second kind, orders 0 and 1,
// and the Airy function.
//
// Chebyshev series in the manner of C. W. Clenshaw, "Chebyshev series for mathematical functions"
// (1962), the coefficients computed anew to double precision: near 0 of the analytic part, in the
// square of x; far away of the amplitudes of the asymptotic expansions (Abramowitz and Stegun, 9.2,
// 9.7 and 10.4). Between, the zeros of J0 and J1 are divided out, so that values next to them have
// all their digits.
#pragma once
#include "kernels/math/bessel.h"

namespace wengert::math {
inline namespace WENGERT_MATH_NAMESPACE {

// (x - zero) (x + zero), where the zero has more digits than a double.
inline double about_zero(double x, double zero, double rest) {
  return ((x - zero) - rest) * (x + zero);
}

// sqrt(2 / (pi x)) (P cos(x) + Q sin(x)) / sqrt(2), for what turns by an eighth of a circle.
inline double turning(double x, double p, double q) {
  constexpr double kOverRootPi = 0.5641895835477563;
  return kOverRootPi * (p * std::cos(x) + q * std::sin(x)) / std::sqrt(x);
}

inline double bessel_j0_near(double x) {
  if (std::abs(x) < 1e-5) return 1 - x * x / 4;
  static constexpr double kNear[] = {
      0.0019903555001601486,   -0.002620939138497025,   0.0008687721472062577,
      -0.00017040584951557357, 2.204908639454817e-05,   -2.0248894980012834e-06,
      1.3898025173428905e-07,  -7.406701254344167e-09,  3.1559927583611334e-10,
      -1.1003860827939697e-11, 3.1989232970233477e-13,  -7.875041254709154e-15,
      1.6632588015211278e-16,  -3.0475993756698376e-18, 4.8912290055811176e-20};
  const double zeros = math::about_zero(x, 2.404825557695773, -1.176691651530894e-16) *
                       math::about_zero(x, 5.520078110286311, 8.088597146146722e-17);
  return zeros * chebyshev(kNear, x * x / 32 - 1);
}
inline double bessel_j1_near(double x) {
  if (std::abs(x) < 1e-5) return x / 2 * (1 - x * x / 8);
  static constexpr double kNear[] = {
      0.00027895709887613106,  -0.0003115684036643562, 8.553646588540538e-05,
      -1.4149356425623485e-05, 1.576470099225889e-06,  -1.269075502369425e-07,
      7.747614077073057e-09,   -3.716577146675772e-10, 1.4395417669312554e-11,
      -4.60007822413452e-13,   1.2341465589619718e-14, -2.8205466239524856e-16,
      5.558821065951572e-18,   -9.546930865755219e-20};
  const double zeros = math::about_zero(x, 3.8317059702075125, -1.5269184090088067e-16) *
                       math::about_zero(x, 7.015586669815619, -9.414165653410389e-17);
  return x * zeros * chebyshev(kNear, x * x / 32 - 1);
}

struct Amplitudes {
  double p, q;
};
inline Amplitudes bessel_amplitudes_0(double x) {
  static constexpr double kP[] = {
      0.9994603493475187,      -0.0005365220468132117,  3.0751847875194745e-06,
      -5.1705945376060975e-08, 1.6306464635151382e-09,  -7.86409137723707e-11,
      5.168262387349193e-12,   -4.3045788699253914e-13, 4.3265957431549404e-14,
      -5.069034095935236e-15,  6.748072215733873e-16,   -1.0011513723467786e-16,
      1.6305919233744186e-17};
  static constexpr double kQ[] = {
      -0.12444683684269607,    0.0005470815954089319,  -5.9315987288485175e-06,
      1.4377965798375193e-07,  -5.817532749493056e-09, 3.376097523734991e-10,
      -2.565397936797308e-11,  2.404916100281365e-12,  -2.6690625482579414e-13,
      3.4041800321963686e-14,  -4.87994410531204e-15,  7.729703176242605e-16,
      -1.3348852171502517e-16, 2.4865952389390515e-17, -4.952892629886516e-18,
      1.0473158973776097e-18};
  const double w = 128 / (x * x) - 1;
  return {chebyshev(kP, w), chebyshev(kQ, w) / x};
}
inline Amplitudes bessel_amplitudes_1(double x) {
  static constexpr double kP[] = {
      1.0009030408600137,     0.0008989898330859408,   -3.987284300488908e-06,
      6.177633960644299e-08,  -1.8718907491063067e-09, 8.816898659582339e-11,
      -5.704863640395645e-12, 4.699195515230542e-13,   -4.6842237839904895e-14,
      5.452674896044717e-15,  -7.221180842274018e-16,  1.0667689114335412e-16,
      -1.7312313216116335e-17};
  static constexpr double kQ[] = {
      0.3742222965562826,     -0.0007702178839325664, 7.3108922063643636e-06,
      -1.676782510726674e-07, 6.583354662120443e-09,  -3.749090950541556e-10,
      2.8121750359748866e-11, -2.61145253946232e-12,  2.8774212663332235e-13,
      -3.649001916061838e-14, 5.206626366226707e-15,  -8.215318025458595e-16,
      1.4141084390211833e-16, -2.626761589838529e-17, 5.2192649196714085e-18};
  const double w = 128 / (x * x) - 1;
  return {chebyshev(kP, w), chebyshev(kQ, w) / x};
}

// With c = x - pi/4: J0 = P cos(c) - Q sin(c) and Y0 = P sin(c) + Q cos(c), times the amplitude.
inline double bessel_j0(double x) {
  const double size = std::abs(x);
  if (size <= 8) return math::bessel_j0_near(size);
  if (math::isinf(x)) return 0;
  const auto [p, q] = math::bessel_amplitudes_0(size);
  return math::turning(size, p + q, p - q);
}
inline double bessel_y0(double x) {
  static constexpr double kNear[] = {
      -0.03314611320328494,    -0.2744743055297453,    0.17903431407718265,
      0.26156734625504663,     -0.17730201278114358,   0.04719668959576339,
      -0.007287962479552079,   0.0007531135932577742,  -5.632079141056987e-05,
      3.206532537654801e-06,   -1.44072332740187e-07,  5.248794787330516e-09,
      -1.5837552541812015e-10, 4.02633081830612e-12,   -8.747341203310769e-14,
      1.6434898714919468e-15,  -2.6977881152566837e-17};
  if (x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -std::numeric_limits<double>::infinity();
  if (x <= 8) {
    constexpr double kTwoOverPi = 0.6366197723675814;
    return kTwoOverPi * std::log(x) * math::bessel_j0_near(x) + chebyshev(kNear, x * x / 32 - 1);
  }
  if (math::isinf(x)) return 0;
  const auto [p, q] = math::bessel_amplitudes_0(x);
  return math::turning(x, q - p, p + q);
}

// With c = x - 3 pi/4: J1 = P cos(c) - Q sin(c) and Y1 = P sin(c) + Q cos(c), likewise.
inline double bessel_j1(double x) {
  const double size = std::abs(x);
  if (size <= 8) return math::bessel_j1_near(x);
  if (math::isinf(x)) return 0;
  const auto [p, q] = math::bessel_amplitudes_1(size);
  const double value = math::turning(size, q - p, p + q);
  return x < 0 ? -value : value;
}
inline double bessel_y1(double x) {
  static constexpr double kNear[] = {
      0.0025380132357417816,   -0.01608717304766875,  -0.09591204536083074,
      0.08445197259652346,     -0.028328123944594365, 0.005289897544167113,
      -0.0006414551451326356,  5.505982873338744e-05, -3.53808001868935e-06,
      1.7707804556154404e-07,  -7.11055004989928e-09, 2.344337905911516e-10,
      -6.4651518414115946e-12, 1.51429151205002e-13,  -3.0511859694473254e-15,
      5.34668038572867e-17,    -8.224911372021585e-19};
  if (x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -std::numeric_limits<double>::infinity();
  if (x <= 8) {
    constexpr double kTwoOverPi = 0.6366197723675814;
    const double rest = x * chebyshev(kNear, x * x / 32 - 1);
    return kTwoOverPi * (std::log(x) * math::bessel_j1_near(x) - 1 / x) + rest;
  }
  if (math::isinf(x)) return 0;
  const auto [p, q] = math::bessel_amplitudes_1(x);
  return math::turning(x, -p - q, q - p);
}

// log(x) - log(2), since x / 2 can be 0 where x is not.
constexpr double kLog2 = 0.6931471805599453;
inline double k0_near(double x) {
  static constexpr double kNear[] = {
      -0.2676636966169514,    0.3442898999246285,     0.0359799365153615,    0.001264615411446926,
      2.286212103119452e-05,  2.5347910790261494e-07, 1.904516377220209e-09, 1.0349695257633625e-11,
      4.2598161427910826e-14, 1.3744654358807508e-16};
  return chebyshev(kNear, x * x / 2 - 1) - (std::log(x) - kLog2) * math::i0(x);
}
inline double k1_near(double x) {
  static constexpr double kNear[] = {-0.06409034516866254,    -0.10916919599320105,
                                     -0.006636878452817714,   -0.00016822792382067343,
                                     -2.3895591808036074e-06, -2.185356902454969e-08,
                                     -1.3982271326113324e-10, -6.61856275297604e-13,
                                     -2.413451624298782e-15,  -6.990873731242564e-18};
  return 1 / x + (std::log(x) - kLog2) * math::i1(x) + x * chebyshev(kNear, x * x / 2 - 1);
}
// Times exp(x).
inline double k0_far(double x) {
  static constexpr double kFar[] = {
      1.2201515410329777,      -0.0314481013119645,    0.0015698838857300533,
      -0.00012849549581627802, 1.39498137188765e-05,   -1.8317555227191195e-06,
      2.766813639445015e-07,   -4.660489897687948e-08, 8.574034017414225e-09,
      -1.6975345093890614e-09, 3.5773972814003283e-10, -7.957489244477396e-11,
      1.8559491149549264e-11,  -4.514597883374519e-12, 1.1403405882073441e-12,
      -2.9800969231481784e-13, 8.032890775068375e-14,  -2.2275133267462965e-14,
      6.340076476276646e-15,   -1.848593377920907e-15, 5.5120559994043335e-16,
      -1.6782311257549006e-16, 5.2103917776435543e-17, -1.6475805939842632e-17};
  return chebyshev(kFar, 4 / x - 1) / std::sqrt(x);
}
inline double k1_far(double x) {
  static constexpr double kFar[] = {
      1.3603130952422213,      0.10392373657681724,     -0.002857816859622779,
      0.00019521551847135162,  -1.936197974166083e-05,  2.406484947837217e-06,
      -3.5019606030878126e-07, 5.7410841254500495e-08,  -1.0345762465678097e-08,
      2.0150497551970347e-09,  -4.1903547593419254e-10, 9.218315187605315e-11,
      -2.129967838427791e-11,  5.139639673482343e-12,   -1.2891739609498229e-12,
      3.348419666052243e-13,   -8.976705182010146e-14,  2.4771544242195988e-14,
      -7.0198370892147685e-15, 2.038703166239861e-15,   -6.057047270643018e-16,
      1.8380935752430455e-16,  -5.689462849193648e-17,  1.7940510478863572e-17};
  return chebyshev(kFar, 4 / x - 1) / std::sqrt(x);
}

inline double modified_bessel_k0(double x) {
  if (x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return std::numeric_limits<double>::infinity();
  return x <= 2 ? math::k0_near(x) : std::exp(-x) * math::k0_far(x);
}
inline double scaled_modified_bessel_k0(double x) {
  if (x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return std::numeric_limits<double>::infinity();
  return x <= 2 ? std::exp(x) * math::k0_near(x) : math::k0_far(x);
}

inline double modified_bessel_k1(double x) {
  if (x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return std::numeric_limits<double>::infinity();
  return x <= 2 ? math::k1_near(x) : std::exp(-x) * math::k1_far(x);
}
inline double scaled_modified_bessel_k1(double x) {
  if (x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return std::numeric_limits<double>::infinity();
  return x <= 2 ? std::exp(x) * math::k1_near(x) : math::k1_far(x);
}

inline double airy_ai(double x) {
  static constexpr double kNear[] = {
      0.26381798191440015,    -0.19176745775077353,    -0.11544587863809751,
      0.10129229869705277,    -0.020634225363441998,   -0.005263460235879724,
      0.003521327342050992,   -0.0005522127136308693,  -8.722346961097546e-05,
      4.9972155304858785e-05, -6.58209616965938e-06,   -7.465940980665808e-07,
      3.8371005050115145e-07, -4.427726202518875e-08,  -3.901520676114033e-09,
      1.8443828865292734e-09, -1.9121426939191717e-10, -1.3741370931826864e-11,
      6.069496004903079e-12,  -5.749799143489761e-13,  -3.483089713417748e-14,
      1.452966097730621e-14,  -1.2731201711598244e-15, -6.658181469864444e-17,
      2.6436799630296418e-17, -2.162377737234879e-18};
  static constexpr double kFall[] = {
      0.2776956095117059,      -0.004172967562045923,   0.00020669586013998011,
      -1.7280997841068207e-05, 1.928052166797157e-06,   -2.605774398776262e-07,
      4.051516883512395e-08,   -7.0222404409862225e-09, 1.3286081997701028e-09,
      -2.703558037129289e-10,  5.852297782838998e-11,   -1.3363584416519756e-11,
      3.1978547149289153e-12,  -7.976813559559603e-13,  2.0651347541109665e-13,
      -5.52899978215978e-14,   1.526165619010181e-14,   -4.331979304955805e-15,
      1.2616239319898747e-15,  -3.7626070399357594e-16, 1.1471616156264618e-16,
      -3.570144365109208e-17,  1.1326462271400218e-17,  -3.658761589006902e-18};
  static constexpr double kP[] = {
      0.9957410714721162,      -0.004010035109646775,   0.00021749797850221077,
      -2.559707367991953e-05,  4.446236506870234e-06,   -9.821561055116752e-07,
      2.560803263173486e-07,   -7.548234203090785e-08,  2.44721348245912e-08,
      -8.565475755185289e-09,  3.1936752594998614e-09,  -1.2559870213945038e-09,
      5.170550836252247e-10,   -2.2149050974012306e-10, 9.825674760236792e-11,
      -4.496378498510785e-11,  2.1156885271618144e-11,  -1.0208220646688568e-11,
      5.039149368967831e-12,   -2.53989412974783e-12,   1.3049189702516344e-12,
      -6.823616992772736e-13,  3.6269500493237954e-13,  -1.9573262197294736e-13,
      1.0713573340081664e-13,  -5.942337987524575e-14,  3.3371473774717665e-14,
      -1.8961243049871697e-14, 1.0892823911612114e-14,  -6.323127439638671e-15,
      3.7068074961198106e-15,  -2.19343226131331e-15,   1.3094899752913229e-15,
      -7.884020161871071e-16,  4.785079327906645e-16,   -2.9266286038234755e-16,
      1.8031669044974735e-16,  -1.1188125444493242e-16, 6.988830336632026e-17,
      -4.393986157719228e-17,  2.7797703043500097e-17,  -1.7690955320314747e-17,
      1.1323700790470235e-17,  -7.288341412277426e-18};
  static constexpr double kQ[] = {
      0.03484316862847644,     -0.0017857089281498061,  0.00016609232052772316,
      -2.6036421453895064e-05, 5.469746668269123e-06,   -1.3908983838097472e-06,
      4.0532248280493725e-07,  -1.3095007059093103e-07, 4.5896481099089495e-08,
      -1.718937297032257e-08,  6.804151019510656e-09,   -2.8230874914801994e-09,
      1.2198987780276849e-09,  -5.46212446197009e-10,   2.523772296674642e-10,
      -1.1992791277877843e-10, 5.844497725785185e-11,   -2.9140535208081833e-11,
      1.4835081668089296e-11,  -7.697783790466259e-12,  4.065052251197879e-12,
      -2.181800675805441e-12,  1.1887901195959789e-12,  -6.568814342296255e-13,
      3.677562184293282e-13,   -2.0843264162421152e-13, 1.1950375522227266e-13,
      -6.92653574030824e-14,   4.056066014145004e-14,   -2.3983235356876802e-14,
      1.4312140661190385e-14,  -8.615771048259479e-15,  5.229876166094441e-15,
      -3.1998223517157795e-15, 1.9726045157558638e-15,  -1.2248643677415837e-15,
      7.658335796713283e-16,   -4.820069402577336e-16,  3.053003284431475e-16,
      -1.9455693699470304e-16, 1.2471223957912397e-16,  -8.039299906561485e-17,
      5.210554627546268e-17,   -3.394856519746261e-17,  2.223057913204098e-17,
      -1.4628396003595613e-17, 9.671372761100898e-18,   -6.423294085644187e-18,
      4.28491431746171e-18,    -2.8706539526507675e-18, 1.9311531395106065e-18,
      -1.3043538873151964e-18, 8.844338717228019e-19,   -6.019734758263076e-19,
      4.112298059166046e-19,   -2.8193072612956207e-19};
  const double size = std::abs(x);
  if (size <= 2) return chebyshev(kNear, x / 2);
  if (math::isinf(x)) return 0;
  constexpr double kEdge = 1.885618083164127;  // zeta at 2
  const double root = std::sqrt(size);
  const double zeta = size * root * 2 / 3;
  if (x > 0) return std::exp(-zeta) * chebyshev(kFall, 2 * kEdge / zeta - 1) / std::sqrt(root);
  const double ratio = kEdge / zeta;
  const double w = 2 * ratio * ratio - 1;
  const double p = chebyshev(kP, w), q = chebyshev(kQ, w) * ratio;
  constexpr double kOverRootTwoPi = 0.3989422804014327;
  const double turned = (p - q) * std::cos(zeta) + (p + q) * std::sin(zeta);
  return kOverRootTwoPi * turned / std::sqrt(root);
}

inline float bessel_j0(float x) {
  return static_cast<float>(math::bessel_j0(static_cast<double>(x)));
}
inline float bessel_j1(float x) {
  return static_cast<float>(math::bessel_j1(static_cast<double>(x)));
}
inline float bessel_y0(float x) {
  return static_cast<float>(math::bessel_y0(static_cast<double>(x)));
}
inline float bessel_y1(float x) {
  return static_cast<float>(math::bessel_y1(static_cast<double>(x)));
}
inline float modified_bessel_k0(float x) {
  return static_cast<float>(math::modified_bessel_k0(static_cast<double>(x)));
}
inline float modified_bessel_k1(float x) {
  return static_cast<float>(math::modified_bessel_k1(static_cast<double>(x)));
}
inline float scaled_modified_bessel_k0(float x) {
  return static_cast<float>(math::scaled_modified_bessel_k0(static_cast<double>(x)));
}
inline float scaled_modified_bessel_k1(float x) {
  return static_cast<float>(math::scaled_modified_bessel_k1(static_cast<double>(x)));
}
inline float airy_ai(float x) { return static_cast<float>(math::airy_ai(static_cast<double>(x))); }

}  // namespace WENGERT_MATH_NAMESPACE
}  // namespace wengert::math
