namespace CsiLocal.State;

/// <summary>Part of a list, in order of creation.</summary>
/// <param name="Items">At most as many as were asked for.</param>
/// <param name="NextSequence">Where the next page starts: give it as <c>afterSequence</c>; null where the list is at its end.</param>
internal sealed record Page<T>(IReadOnlyList<T> Items, long? NextSequence);
