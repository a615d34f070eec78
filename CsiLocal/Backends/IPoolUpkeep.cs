namespace CsiLocal.Backends;

/// <summary>A backend with something to look after between calls.</summary>
internal interface IPoolUpkeep
{
    /// <summary>One turn, every second while the pool is ready, never two at once; starts a process only where something is to be done.</summary>
    Task UpkeepAsync(CancellationToken cancellationToken);

    /// <summary>Writes down what may be written late. Called when the daemon stops, or the pool cannot be used, or is configured anew; never beside a turn.</summary>
    Task FlushAsync(CancellationToken cancellationToken);
}
