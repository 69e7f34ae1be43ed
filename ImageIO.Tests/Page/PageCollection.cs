namespace ImageIO.Tests.Page;

/// <summary>Gives the classes of <see cref="PageFixture.Collection"/> their browser and their daemon.</summary>
[CollectionDefinition(PageFixture.Collection)]
public sealed class PageCollection : ICollectionFixture<PageFixture>;
