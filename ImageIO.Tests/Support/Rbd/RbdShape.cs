namespace ImageIO.Tests.Support.Rbd;

/// <summary>How an image is made.</summary>
internal sealed record RbdShape
{
    public ulong Features { get; init; } = RbdAdmin.AllFeatures;

    /// <summary>Objects have 2 to this power bytes.</summary>
    public int Order { get; init; } = 22;

    public (long Unit, long Count) Stripes { get; init; }

    public string? DataPool { get; init; }

    public RbdImageOptions ToOptions()
    {
        var options = new RbdImageOptions();
        options.Set(RbdImageOptions.Features, Features);
        options.Set(RbdImageOptions.Order, (ulong)Order);
        if (Stripes.Count > 0)
        {
            options.Set(RbdImageOptions.StripeUnit, (ulong)Stripes.Unit);
            options.Set(RbdImageOptions.StripeCount, (ulong)Stripes.Count);
        }

        if (DataPool is not null)
        {
            options.Set(RbdImageOptions.DataPool, DataPool);
        }

        return options;
    }
}
