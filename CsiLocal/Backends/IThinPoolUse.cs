namespace CsiLocal.Backends;

/// <summary>How full a thin pool really is, in per cent of its size: by what was written, whatever was promised.</summary>
internal sealed record ThinPoolUse(double DataPercent, double MetadataPercent);

/// <summary>A backend whose pool can be a thin pool.</summary>
internal interface IThinPoolUse
{
    /// <summary>As it is now; null where the pool is no thin pool, or cannot be asked. Starts no process.</summary>
    ThinPoolUse? MeasureUse();
}
