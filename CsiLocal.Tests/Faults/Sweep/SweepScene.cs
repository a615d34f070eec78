namespace CsiLocal.Tests.Faults.Sweep;

/// <summary>One RPC under test: what has to be there before it, the call, what has to be true of its answer, and what undoes it.</summary>
/// <remarks>One instance serves all points of a sweep; what <see cref="PrepareAsync"/> makes is gone after <see cref="CleanUpAsync"/>.</remarks>
internal abstract class SweepScene
{
    public required SweepWorld World { get; init; }

    /// <summary>Once, before the first point: what all of them share.</summary>
    public virtual Task SetUpAsync() => Task.CompletedTask;

    /// <summary>Before each point; nothing goes wrong yet.</summary>
    /// <param name="point">Different for each, for names.</param>
    public abstract Task PrepareAsync(int point);

    /// <summary>The call: with a fault in it, and then without until it succeeds.</summary>
    public abstract Task CallAsync();

    /// <summary>What has to be true when the call has succeeded.</summary>
    public abstract Task RequireAsync();

    /// <summary>Back to what was there before <see cref="PrepareAsync"/>.</summary>
    public abstract Task CleanUpAsync();

    /// <summary>Once, after the last point.</summary>
    public virtual Task TearDownAsync() => Task.CompletedTask;
}
